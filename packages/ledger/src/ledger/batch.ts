// What a batch of records does to the ledger: pure, so that the writer and the verifier derive the same bytes.
import type { Digest } from "@triplane/contract";
import { chainGenesis, chainHash, chainNext } from "./chain.ts";
import { batchMessage } from "./layout.ts";
import { leafHash } from "./merkle.ts";
import { appendKeys, EMPTY_INDEX, type IndexEnd, subjectKey } from "./subject-index.ts";
import { TileTree } from "./tiles.ts";

/** Where a ledger stands: everything that the next batch depends on. */
export interface LedgerPosition {
  readonly tree: TileTree;
  readonly index: IndexEnd;
  readonly chainHead: Digest;
  /** Time of the last checkpoint, milliseconds since 1970; 0 before the first. */
  readonly timeMs: number;
}

/** A record as the ledger's other files see it. */
export interface HashedRecord {
  readonly subject: string;
  /** Its leaf of the Merkle tree. */
  readonly leaf: Buffer;
  /** Its link of the chain. */
  readonly link: Buffer;
}

export interface Batch {
  readonly firstIndex: number;
  readonly message: string;
  readonly tree: TileTree;
  readonly index: IndexEnd;
  readonly chainHead: Digest;
  /** Changed files but for the records and the checkpoint; undefined removes one. */
  readonly files: ReadonlyMap<string, Buffer | undefined>;
}

export function emptyPosition(stateRid: string): LedgerPosition {
  return { tree: TileTree.empty(), index: EMPTY_INDEX, chainHead: chainGenesis(stateRid), timeMs: 0 };
}

export function hashRecord(subject: string, compact: string): HashedRecord {
  return { subject, leaf: leafHash(compact), link: chainHash(compact) };
}

export function planBatch(position: LedgerPosition, records: readonly HashedRecord[]): Batch {
  const firstIndex = position.tree.size;
  const tree = position.tree.clone();
  const tiles = tree.appendLeaves(records.map((record) => record.leaf));
  const subjects = records.map((record) => record.subject);
  const index = appendKeys(position.index, subjects.map(subjectKey));
  const chainHead = records.reduce((head, record) => chainNext(head, record.link), position.chainHead);
  const message = batchMessage(firstIndex, subjects, chainHead);
  return { firstIndex, message, tree, index: index.end, chainHead, files: new Map([...tiles, ...index.files]) };
}
