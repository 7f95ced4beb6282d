// What a batch of records does to the ledger: pure, so that the writer and the verifier derive the same bytes.
import type { Digest } from "@triplane/contract";
import { chainGenesis, chainNext } from "./chain.ts";
import { batchMessage, encodeRecords, recordsPath, subjectLine, subjectPath } from "./layout.ts";
import { TileTree } from "./tiles.ts";

/** Where a ledger stands: everything that the next batch depends on. */
export interface LedgerPosition {
  readonly tree: TileTree;
  readonly chainHead: Digest;
  /** Time of the last checkpoint, milliseconds since 1970; 0 before the first. */
  readonly timeMs: number;
}

export interface BatchRecord {
  readonly subject: string;
  readonly compact: string;
}

export interface Batch {
  readonly firstIndex: number;
  readonly message: string;
  readonly tree: TileTree;
  readonly chainHead: Digest;
  /** Changed files but for the checkpoint; undefined removes one. */
  readonly files: ReadonlyMap<string, string | Buffer | undefined>;
}

export function emptyPosition(stateRid: string): LedgerPosition {
  return { tree: TileTree.empty(), chainHead: chainGenesis(stateRid), timeMs: 0 };
}

/** `readIndex` gives the present content of a file of the subject index. */
export async function planBatch(
  position: LedgerPosition,
  records: readonly BatchRecord[],
  readIndex: (path: string) => Promise<string>,
): Promise<Batch> {
  const firstIndex = position.tree.size;
  const tree = position.tree.clone();
  const compacts = records.map((record) => record.compact);
  const files = new Map<string, string | Buffer | undefined>(tree.append(compacts));
  files.set(recordsPath(firstIndex), encodeRecords(compacts));
  for (const [at, record] of records.entries()) {
    const path = subjectPath(record.subject);
    const before = files.get(path) ?? (await readIndex(path));
    files.set(path, `${before}${subjectLine(record.subject, firstIndex + at)}`);
  }
  const chainHead = compacts.reduce(chainNext, position.chainHead);
  const subjects = records.map((record) => record.subject);
  return { firstIndex, message: batchMessage(firstIndex, subjects, chainHead), tree, chainHead, files };
}
