// Derives the ledger again, batch by batch from the first: records, chain, tree, index, checkpoint, commit.
//
// Each batch's files are computed from its records and what came before, and the resulting tree must be the commit's tree:
// no file can be more, less or other than what the records make it.
import { type AuditRecord, TriplaneError, toTriplaneError } from "@triplane/contract";
import { createObjectWriter, type DecodedCommit, editTree, type ObjectId, type ObjectReader, type ObjectWriter } from "../git/index.ts";
import { commitSigner } from "../radicle/signed-commit.ts";
import type { Checkpoint, LedgerProblem } from "../types.ts";
import { type Batch, emptyPosition, type LedgerPosition, planBatch } from "./batch.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { CHECKPOINT_PATH, decodeRecords, recordsPath } from "./layout.ts";
import { Sequences } from "./sequences.ts";
import type { LedgerAnchor } from "./state-repository.ts";
import { firstDifference } from "./tree-difference.ts";
import { checkRecord } from "./verify-record.ts";
import { subjectOfRecord } from "./working-copy.ts";

export interface HistoryOptions {
  readonly audience?: string | undefined;
  readonly checkRecord?: ((record: AuditRecord, index: number) => void | Promise<void>) | undefined;
  readonly onProgress?: ((done: number) => void) | undefined;
  /** A checkpoint that the reader remembers: the ledger must extend it. */
  readonly atLeast?: Checkpoint | undefined;
}

export interface HistoryResult {
  readonly commits: readonly ObjectId[];
  readonly position: LedgerPosition;
  readonly checkpoint: Checkpoint | undefined;
  readonly sequences: Sequences;
  readonly problem: LedgerProblem | undefined;
}

/** Verifies all commits up to `head`; stops at the first problem. */
export async function verifyHistory(
  objects: ObjectReader,
  anchor: LedgerAnchor,
  head: ObjectId | undefined,
  options: HistoryOptions,
): Promise<HistoryResult> {
  const walk = new HistoryWalk(objects, anchor, options);
  const commits: ObjectId[] = [];
  try {
    commits.push(...(await linearHistory(objects, head)));
  } catch (thrown) {
    return walk.result(commits, problemOf(thrown, undefined, "git_failed"));
  }
  for (const id of commits) {
    const problem = await walk.step(id);
    if (problem !== undefined) return walk.result(commits, problem);
  }
  return walk.result(commits, walk.compareWithRemembered());
}

/** Commits from the first to the head. Throws `ledger_chain_broken` at a merge. */
async function linearHistory(objects: ObjectReader, head: ObjectId | undefined): Promise<ObjectId[]> {
  const commits: ObjectId[] = [];
  for (let id = head; id !== undefined; ) {
    const [parent, ...others]: readonly ObjectId[] = (await objects.commit(id)).parents;
    if (others.length > 0) throw new TriplaneError("ledger_chain_broken", `commit ${id} has more than one parent`);
    commits.push(id);
    id = parent;
  }
  return commits.reverse();
}

class HistoryWalk {
  readonly #objects: ObjectReader;
  readonly #anchor: LedgerAnchor;
  readonly #options: HistoryOptions;
  readonly #subjects = new Map<string, number>();
  readonly #sequences = new Sequences();
  #position: LedgerPosition;
  #checkpoint: Checkpoint | undefined;
  #tree: ObjectId | undefined;
  #audience: string | undefined;
  #rememberedRoot: string | undefined;

  constructor(objects: ObjectReader, anchor: LedgerAnchor, options: HistoryOptions) {
    this.#objects = objects;
    this.#anchor = anchor;
    this.#options = options;
    this.#audience = options.audience;
    this.#position = emptyPosition(anchor.rid);
  }

  result(commits: readonly ObjectId[], problem: LedgerProblem | undefined): HistoryResult {
    return { commits, position: this.#position, checkpoint: this.#checkpoint, sequences: this.#sequences, problem };
  }

  /** Verifies the next commit; the first problem ends the walk. */
  async step(id: ObjectId): Promise<LedgerProblem | undefined> {
    const firstIndex = this.#position.tree.size;
    let records: readonly string[];
    let commit: DecodedCommit | undefined;
    try {
      commit = await this.#objects.commit(id);
      const content = await this.#objects.fileAt(commit.tree, recordsPath(firstIndex));
      if (content === undefined) throw new TriplaneError("ledger_record_invalid", `${recordsPath(firstIndex)} is missing`);
      records = decodeRecords(content);
    } catch (thrown) {
      const [, subject] = /\nJti: (.{1,71})\n/.exec(commit?.message ?? "") ?? [];
      return problemOf(thrown, { index: firstIndex, subject, commit: id }, "git_failed");
    }
    const subjects: string[] = [];
    for (const [at, compact] of records.entries()) {
      const problem = await this.#checkRecord(compact, firstIndex + at, id, subjects);
      if (problem !== undefined) return problem;
    }
    try {
      await this.#checkBatch(id, commit, records, subjects);
    } catch (thrown) {
      return problemOf(thrown, { index: firstIndex, subject: subjects[0], commit: id }, "git_failed");
    }
    this.#options.onProgress?.(this.#position.tree.size);
    return undefined;
  }

  compareWithRemembered(): LedgerProblem | undefined {
    const remembered = this.#options.atLeast;
    if (remembered === undefined) return undefined;
    const { size } = this.#position.tree;
    if (size < remembered.size) {
      const message = `the ledger has ${size} records, and a checkpoint of it with ${remembered.size} is known: record ${size} and all after it were dropped`;
      return { code: "ledger_tree_invalid", message, index: size };
    }
    const root = remembered.size === 0 ? emptyPosition(this.#anchor.rid).tree.root().toString("base64") : this.#rememberedRoot;
    if (root === remembered.root) return undefined;
    const message = `the first ${remembered.size} records are not those of the known checkpoint: this is another ledger than the one seen before`;
    return { code: "ledger_tree_invalid", message };
  }

  async #checkRecord(compact: string, index: number, commit: ObjectId, subjects: string[]): Promise<LedgerProblem | undefined> {
    const { workspace, controller } = this.#anchor;
    let subject: string | undefined;
    try {
      const { record, sequence } = checkRecord(compact, { workspace, controller, audience: this.#audience });
      subject = record.claims.subject;
      this.#audience ??= record.claims.aud;
      subjects.push(subject);
      const earlier = this.#subjects.get(subject);
      if (earlier !== undefined) throw new TriplaneError("ledger_record_invalid", `record ${earlier} is about the same op`);
      this.#subjects.set(subject, index);
      const used = sequence === undefined ? undefined : this.#sequences.use(sequence, index);
      if (used !== undefined && sequence !== undefined)
        throw new TriplaneError("ledger_record_invalid", `record ${used} used number ${sequence.seq} of ${sequence.key} already`);
      await this.#options.checkRecord?.(record, index);
      return undefined;
    } catch (thrown) {
      const shown = subject ?? subjectOfRecord(compact);
      return problemOf(thrown, { index, subject: shown, commit }, "ledger_record_invalid");
    }
  }

  async #checkBatch(id: ObjectId, commit: DecodedCommit, records: readonly string[], subjects: readonly string[]): Promise<void> {
    const planned = records.map((compact, at) => ({ compact, subject: subjects[at] ?? "" }));
    const before = this.#tree;
    const readIndex = async (path: string) =>
      before === undefined ? "" : ((await this.#objects.fileAt(before, path))?.toString("utf8") ?? "");
    const batch = await planBatch(this.#position, planned, readIndex);
    if (commit.message !== batch.message) throw new TriplaneError("ledger_chain_broken", describeMessage(id, commit.message, batch));
    const note = await this.#objects.fileAt(commit.tree, CHECKPOINT_PATH);
    const checkpoint = this.#checkCheckpoint(note, batch);
    await this.#checkTree(id, commit, batch, note ?? Buffer.alloc(0));
    const signer = signerOf(id, commit);
    if (signer !== this.#anchor.controller)
      throw new TriplaneError("ledger_chain_broken", `commit ${id} was signed by ${signer}, not by the ops-controller`);
    this.#rememberRoot(records);
    this.#tree = commit.tree;
    this.#checkpoint = checkpoint;
    this.#position = { tree: batch.tree, chainHead: batch.chainHead, timeMs: checkpoint.timeMs };
  }

  #checkCheckpoint(note: Buffer | undefined, batch: Batch): Checkpoint {
    if (note === undefined) throw new TriplaneError("ledger_tree_invalid", "the checkpoint is missing");
    const checkpoint = readCheckpoint(note.toString("utf8"), this.#anchor.origin, this.#anchor.controller);
    const root = batch.tree.root().toString("base64");
    if (checkpoint.size !== batch.tree.size || checkpoint.root !== root) {
      throw new TriplaneError(
        "ledger_tree_invalid",
        `the checkpoint says ${checkpoint.size} records with root ${checkpoint.root}, the records make ${batch.tree.size} with root ${root}`,
      );
    }
    if (checkpoint.timeMs < this.#position.timeMs)
      throw new TriplaneError("ledger_tree_invalid", "the checkpoint is older than the one before it");
    return checkpoint;
  }

  async #checkTree(id: ObjectId, commit: DecodedCommit, batch: Batch, note: Buffer): Promise<void> {
    const scratch: ObjectWriter = createObjectWriter("");
    const changes = new Map<string, ObjectId | undefined>();
    for (const [path, content] of batch.files) changes.set(path, content === undefined ? undefined : scratch.blob(content));
    changes.set(CHECKPOINT_PATH, scratch.blob(note));
    const expected = await editTree(this.#objects, scratch, this.#tree, changes);
    if (expected === commit.tree) return;
    const path = await firstDifference(this.#objects, scratch, expected, commit.tree);
    const code = path.startsWith("records") ? "ledger_record_invalid" : "ledger_tree_invalid";
    throw new TriplaneError(code, `in commit ${id} ${path} is not what the records make it`);
  }

  #rememberRoot(records: readonly string[]): void {
    const size = this.#options.atLeast?.size;
    const from = this.#position.tree.size;
    if (size === undefined || size <= from || size > from + records.length) return;
    const tree = this.#position.tree.clone();
    tree.append(records.slice(0, size - from));
    this.#rememberedRoot = tree.root().toString("base64");
  }
}

function signerOf(id: ObjectId, commit: DecodedCommit): string {
  try {
    return commitSigner(commit);
  } catch (cause) {
    throw new TriplaneError("ledger_chain_broken", `commit ${id} is not signed by the ops-controller: ${toTriplaneError(cause).message}`, {
      cause,
    });
  }
}

function describeMessage(id: ObjectId, message: string, batch: Batch): string {
  const [, chain] = /\nChain: (.*)\n$/.exec(message) ?? [];
  const what =
    chain === batch.chainHead
      ? "its trailers are not its records"
      : `the chain is at ${batch.chainHead}, its trailer says ${chain ?? "nothing"}`;
  return `commit ${id}: ${what}`;
}

const PROBLEM_CODES: ReadonlySet<string> = new Set<LedgerProblem["code"]>([
  "ledger_record_invalid",
  "ledger_chain_broken",
  "ledger_tree_invalid",
  "ledger_sequence_gap",
  "identity_invalid",
  "sigrefs_invalid",
  "delegates_invalid",
  "rid_mismatch",
  "git_failed",
]);

interface ProblemPlace {
  readonly index?: number | undefined;
  readonly subject?: string | undefined;
  readonly commit?: ObjectId | undefined;
}

/** Turns what was thrown into a problem at a place. */
export function problemOf(thrown: unknown, place: ProblemPlace | undefined, fallback: LedgerProblem["code"]): LedgerProblem {
  const failure = toTriplaneError(thrown, fallback);
  const code = PROBLEM_CODES.has(failure.code) ? (failure.code as LedgerProblem["code"]) : fallback;
  const where = place?.index === undefined ? "" : `record ${place.index}${place.subject === undefined ? "" : ` (${place.subject})`}: `;
  return {
    code,
    message: `${where}${failure.message}`,
    ...(place?.index === undefined ? {} : { index: place.index }),
    ...(place?.subject === undefined ? {} : { subject: place.subject }),
    ...(place?.commit === undefined ? {} : { commit: place.commit }),
  };
}
