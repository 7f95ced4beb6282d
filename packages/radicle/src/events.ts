// What a node says happens: which peer announced which signed refs, who is connected. Read leniently: shapes grow between releases.
import type { Json } from "@triplane/contract";
import { converse } from "./control.ts";

/** Signed refs of a namespace: `at` is the commit of `refs/rad/sigrefs`. */
export interface RefsAt {
  /** NID of the namespace. */
  readonly remote: string;
  readonly at: string;
}

export type NodeEvent =
  /** A peer says which signed refs it holds now. */
  | { readonly type: "refsAnnounced"; readonly nid: string; readonly rid: string; readonly refs: readonly RefsAt[] }
  | { readonly type: "refsFetched"; readonly nid: string; readonly rid: string }
  | { readonly type: "peerConnected"; readonly nid: string }
  | { readonly type: "peerDisconnected"; readonly nid: string };

/** Yields the events of a node from now on; ends with the node or the signal. Throws `unavailable`. */
export async function* watchNode(socketPath: string, signal: AbortSignal): AsyncGenerator<NodeEvent> {
  try {
    for await (const line of converse(socketPath, { command: "subscribe" }, signal)) {
      const event = eventOf(line);
      if (event !== undefined) yield event;
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}

/** An event that we know, or undefined. */
export function eventOf(line: Json): NodeEvent | undefined {
  if (line === null || typeof line !== "object" || Array.isArray(line)) return undefined;
  const { type, nid, remote, rid, refs } = line as { readonly [key: string]: Json };
  if (type === "refsAnnounced" && typeof nid === "string" && typeof rid === "string" && Array.isArray(refs)) {
    return { type, nid, rid, refs: refs.flatMap(refsAtOf) };
  }
  if (type === "refsFetched" && typeof remote === "string" && typeof rid === "string") return { type, nid: remote, rid };
  if ((type === "peerConnected" || type === "peerDisconnected") && typeof nid === "string") return { type, nid };
  return undefined;
}

function refsAtOf(value: Json): RefsAt[] {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [];
  const { remote, at } = value as { readonly [key: string]: Json };
  return typeof remote === "string" && typeof at === "string" ? [{ remote, at }] : [];
}
