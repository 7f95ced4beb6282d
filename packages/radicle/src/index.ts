// The public names of the room for Radicle nodes.
export * from "./announce.ts";
export { type AskOptions, askNode, isSocketPath, type NodeCommand } from "./control.ts";
export { type NodeEvent, type RefsAt, watchNode } from "./events.ts";
export * from "./node-config.ts";
