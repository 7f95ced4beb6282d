// Telling a node what it has: a repository to replicate, and signed refs that are new in its storage.
//
// The node does not watch its storage. Whoever writes there (our ledger writer, an approval) says so here, and peers fetch.
import type { Did } from "@triplane/contract";
import { type AskOptions, askNode } from "./control.ts";

/** Node id of a key: what Radicle calls the namespace of its refs. */
export function nidOf(did: Did): string {
  return did.slice("did:key:".length);
}

/** Has the node replicate a repository, with the namespaces of everybody, and tell its peers that it has it. Idempotent. */
export async function seedRepository(socketPath: string, rid: string, options: AskOptions = {}): Promise<void> {
  await askNode(socketPath, { command: "seed", rid, scope: "all" }, options);
}

/** Adds a repository that lies in the node's storage to what the node says it has. Idempotent; it must be seeded. */
export async function addToInventory(socketPath: string, rid: string, options: AskOptions = {}): Promise<void> {
  await askNode(socketPath, { command: "addInventory", rid }, options);
}

/** Announces the signed refs of these namespaces (NIDs) as they lie in the storage now. Throws `radicle_refused` where the node lacks one. */
export async function announceRefs(socketPath: string, rid: string, nids: readonly string[], options: AskOptions = {}): Promise<void> {
  await askNode(socketPath, { command: "announceRefsFor", rid, namespaces: nids }, options);
}

/** The node's id. Throws `unavailable` where it does not run. */
export async function nodeId(socketPath: string, options: AskOptions = {}): Promise<string> {
  return String(await askNode(socketPath, { command: "nodeId" }, options));
}
