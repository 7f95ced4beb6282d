// The public names of the submitter.
export type { OpOutcome, OutboxEntry, OutboxOp } from "./entry.ts";
export * from "./orchestrator-client.ts";
export * from "./outbox.ts";
export * from "./outcome.ts";
export * from "./requests.ts";
export { assertNoSecrets } from "./secrets.ts";
export * from "./submitter.ts";
