// Where a ledger stands at one of its commits, read from that commit's files: what follows it needs nothing else.
import { TriplaneError } from "@triplane/contract";
import type { ObjectId, ObjectReader } from "../git/index.ts";
import type { Checkpoint } from "../types.ts";
import { emptyPosition, type LedgerPosition } from "./batch.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { CHECKPOINT_PATH } from "./layout.ts";
import type { LedgerAnchor } from "./state-repository.ts";
import { loadIndexEnd } from "./subject-index.ts";
import { currentController, type Tenures, tenuresAt, tenuresOf } from "./successions.ts";
import { TileTree } from "./tiles.ts";

export interface Standing {
  readonly head: { readonly commit: ObjectId; readonly tree: ObjectId } | undefined;
  readonly position: LedgerPosition;
  readonly checkpoint: Checkpoint | undefined;
  /** Who answered for which records until then. */
  readonly tenures: Tenures;
}

/** Throws `ledger_tree_invalid` where a commit's files do not agree with one another. What came before it is not looked at. */
export async function readStanding(objects: ObjectReader, anchor: LedgerAnchor, head: ObjectId | undefined): Promise<Standing> {
  if (head === undefined) {
    return { head: undefined, position: emptyPosition(anchor.rid), checkpoint: undefined, tenures: tenuresOf([], anchor) };
  }
  const commit = await objects.commit(head);
  const readFile = (path: string) => objects.fileAt(commit.tree, path);
  const note = (await readFile(CHECKPOINT_PATH))?.toString("utf8") ?? "";
  const tenures = await tenuresAt(objects, commit.tree, anchor);
  const checkpoint = readCheckpoint(note, anchor.origin, currentController(tenures));
  const tree = await TileTree.load(checkpoint.size, readFile);
  const [, chainHead] = /\nChain: (sha256:[0-9a-f]{64})\n$/.exec(commit.message) ?? [];
  if (chainHead === undefined || tree.root().toString("base64") !== checkpoint.root) {
    throw new TriplaneError("ledger_tree_invalid", `the head ${head} does not match its own checkpoint; verify the ledger`);
  }
  const index = await loadIndexEnd(checkpoint.size, readFile);
  const position = { tree, index, chainHead: chainHead as LedgerPosition["chainHead"], timeMs: checkpoint.timeMs };
  return { head: { commit: head, tree: commit.tree }, position, checkpoint, tenures };
}
