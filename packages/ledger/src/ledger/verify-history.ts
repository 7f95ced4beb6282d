// Derives the ledger again, batch by batch: records, chain, tree, index, checkpoint, commit.
//
// Each batch's files are computed from its records and what came before, and the resulting tree must be the commit's tree:
// no file can be more, less or other than what the records make it. Records are checked ahead, on all cores; what depends on
// order is done here, in order, so that the first problem is the first bad record.
import { type AuditRecord, type Did, TriplaneError, toTriplaneError, verifyAuditRecord } from "@triplane/contract";
import { createObjectWriter, type DecodedCommit, editTree, type ObjectId, type ObjectReader } from "../git/index.ts";
import { commitSigner } from "../radicle/signed-commit.ts";
import type { Checkpoint, LedgerProblem } from "../types.ts";
import { type Batch, emptyPosition, type HashedRecord, type LedgerPosition, planBatch } from "./batch.ts";
import { type CheckedBatch, hashesAt } from "./check-batch.ts";
import type { CheckPool } from "./check-pool.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { CHECKPOINT_PATH, decodeRecords, recordsPath } from "./layout.ts";
import { rootOfFirst } from "./merkle.ts";
import { type ProblemPlace, problemAt, problemOf } from "./problem.ts";
import { recordAt } from "./record-at.ts";
import type { Sequences } from "./sequences.ts";
import type { Standing } from "./standing.ts";
import type { LedgerAnchor } from "./state-repository.ts";
import { subjectKey } from "./subject-index.ts";
import type { SubjectTable } from "./subject-table.ts";
import {
  currentController,
  encodeSuccessions,
  handOverMessage,
  isHandOver,
  lastOf,
  SUCCESSIONS_PATH,
  successionTokens,
  type Tenures,
  tenuresOf,
} from "./successions.ts";
import { subtreesOf, type TileTree } from "./tiles.ts";
import { firstDifference } from "./tree-difference.ts";
import { subjectOfRecord } from "./working-copy.ts";

export interface HistoryOptions {
  readonly audience?: string | undefined;
  readonly checkRecord?: ((record: AuditRecord, index: number) => void | Promise<void>) | undefined;
  readonly onProgress?: ((done: number) => void) | undefined;
  /** A checkpoint that the reader remembers: the ledger must extend it. */
  readonly atLeast?: Checkpoint | undefined;
  readonly pool: CheckPool;
  readonly subjects: SubjectTable;
  readonly sequences: Sequences;
  /** Where an earlier verification ended: everything up to here was found right, and is not looked at again. */
  readonly from?: Standing | undefined;
}

export interface HistoryResult {
  /** From the first one, or from the one where an earlier verification ended. */
  readonly commits: readonly ObjectId[];
  readonly position: LedgerPosition;
  readonly checkpoint: Checkpoint | undefined;
  readonly audience: string | undefined;
  readonly tenures: Tenures;
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
  const start = options.from?.head?.commit;
  const commits: ObjectId[] = [];
  try {
    commits.push(...(await linearHistory(objects, head, start)));
  } catch (thrown) {
    return walk.result(commits, problemOf(thrown, undefined, "git_failed"));
  }
  const all = start === undefined ? commits : [start, ...commits];
  return walk.result(all, (await walk.run(commits)) ?? (await walk.compareWithRemembered()));
}

/** Commits after `start` up to the head, oldest first. Throws `ledger_chain_broken` at a merge, `ledger_tree_invalid` where `start` is not among them. */
async function linearHistory(objects: ObjectReader, head: ObjectId | undefined, start: ObjectId | undefined): Promise<ObjectId[]> {
  const commits: ObjectId[] = [];
  let id = head;
  while (id !== undefined && id !== start) {
    const [parent, ...others]: readonly ObjectId[] = (await objects.commit(id)).parents;
    if (others.length > 0) throw new TriplaneError("ledger_chain_broken", `commit ${id} has more than one parent`);
    commits.push(id);
    id = parent;
  }
  if (id !== start)
    throw new TriplaneError("ledger_tree_invalid", `the ledger no longer has commit ${start}, up to which it was verified before`);
  return commits.reverse();
}

interface Ahead {
  readonly id: ObjectId;
  readonly commit: DecodedCommit | undefined;
  readonly records: ObjectId | undefined;
  readonly content: Buffer | undefined;
  readonly checked: Promise<CheckedBatch> | undefined;
  /** What the file of successions says at a commit that hands over. */
  readonly tokens: readonly string[] | undefined;
  readonly failure: unknown;
}

class HistoryWalk {
  readonly #objects: ObjectReader;
  readonly #anchor: LedgerAnchor;
  readonly #options: HistoryOptions;
  #position: LedgerPosition;
  #checkpoint: Checkpoint | undefined;
  #tree: ObjectId | undefined;
  #audience: string | undefined;
  /** Index of the first record of the next batch that is read ahead. */
  #readTo: number;
  #readFailed = false;
  #tenures: Tenures;
  /** Whose turn it is where batches are read ahead. */
  #readController: Did;

  constructor(objects: ObjectReader, anchor: LedgerAnchor, options: HistoryOptions) {
    this.#objects = objects;
    this.#anchor = anchor;
    this.#options = options;
    this.#audience = options.audience;
    this.#position = options.from?.position ?? emptyPosition(anchor.rid);
    this.#checkpoint = options.from?.checkpoint;
    this.#tree = options.from?.head?.tree;
    this.#readTo = this.#position.tree.size;
    this.#tenures = options.from?.tenures ?? tenuresOf([], anchor);
    this.#readController = currentController(this.#tenures);
  }

  result(commits: readonly ObjectId[], problem: LedgerProblem | undefined): HistoryResult {
    return { commits, position: this.#position, checkpoint: this.#checkpoint, audience: this.#audience, tenures: this.#tenures, problem };
  }

  /** Verifies these commits; the first problem ends the walk. */
  async run(commits: readonly ObjectId[]): Promise<LedgerProblem | undefined> {
    const ahead: Promise<Ahead>[] = [];
    let reading: Promise<unknown> = Promise.resolve();
    for (let [next, done] = [0, 0]; done < commits.length; done += 1) {
      // Until the first record has said what the audience is, there is nothing to hold the others against.
      const wanted = this.#audience === undefined ? 1 : this.#options.pool.ahead;
      for (; ahead.length < wanted && next < commits.length; next += 1) {
        const id = commits[next] ?? "";
        // One after the other, because a batch says where the next one begins; beside the checks of those before.
        const read = reading.then(() => this.#readAhead(id));
        ahead.push(read);
        reading = read;
      }
      const batch = await ahead.shift();
      const problem = batch === undefined ? undefined : await this.#step(batch);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  async compareWithRemembered(): Promise<LedgerProblem | undefined> {
    const remembered = this.#options.atLeast;
    if (remembered === undefined) return undefined;
    const { size } = this.#position.tree;
    if (size < remembered.size) {
      const message = `the ledger has ${size} records, and a checkpoint of it with ${remembered.size} is known: record ${size} and all after it were dropped`;
      return { code: "ledger_tree_invalid", message, index: size };
    }
    const tree = this.#tree ?? "";
    const root = await rootOfFirst(
      remembered.size,
      subtreesOf(size, (path) => this.#objects.fileAt(tree, path)),
    );
    if (root.toString("base64") === remembered.root) return undefined;
    const message = `the first ${remembered.size} records are not those of the known checkpoint: this is another ledger than the one seen before`;
    return { code: "ledger_tree_invalid", message };
  }

  /** Never rejects. Reads a batch and has its records checked. Where its records are follows from how many came before, which is certain only later. */
  async #readAhead(id: ObjectId): Promise<Ahead> {
    const nothing = { id, records: undefined, content: undefined, checked: undefined, tokens: undefined };
    let commit: DecodedCommit | undefined;
    try {
      // Behind a batch that cannot be read nobody knows where the next one is; the walk ends there.
      if (this.#readFailed) throw new TriplaneError("git_failed", "a batch before it cannot be read");
      commit = await this.#objects.commit(id);
      if (isHandOver(commit.message)) {
        const tokens = await successionTokens(this.#objects, commit.tree);
        this.#readController = currentController(tenuresOf(tokens, this.#anchor));
        return { ...nothing, commit, tokens, failure: undefined };
      }
      const path = recordsPath(this.#readTo);
      const entry = await this.#objects.entryAt(commit.tree, path);
      if (entry === undefined || entry.mode !== "100644") throw new TriplaneError("ledger_record_invalid", `${path} is missing`);
      const content = await this.#objects.blob(entry.id);
      this.#readTo += decodeRecords(content).length;
      const { workspace } = this.#anchor;
      const checked = this.#options.pool.check(content, { workspace, controller: this.#readController, audience: this.#audience });
      // Looked at in its turn; when the walk ends before, nobody waits for it.
      checked.catch(() => undefined);
      return { ...nothing, commit, records: entry.id, content, checked, failure: undefined };
    } catch (failure) {
      this.#readFailed = true;
      return { ...nothing, commit, failure };
    }
  }

  async #step(ahead: Ahead): Promise<LedgerProblem | undefined> {
    const { id, commit, content, records, checked: checking } = ahead;
    const firstIndex = this.#position.tree.size;
    if (commit !== undefined && ahead.tokens !== undefined) return await this.#handOver(id, commit, ahead.tokens);
    if (commit === undefined || content === undefined || records === undefined || checking === undefined) {
      const [, subject] = /\nJti: (.{1,71})\n/.exec(commit?.message ?? "") ?? [];
      return problemOf(ahead.failure, { index: firstIndex, subject, commit: id }, "git_failed");
    }
    const checked = await checking;
    const found = await this.#checkRecords(checked, content, firstIndex, id);
    if (found !== undefined) return found;
    this.#audience ??= checked.audience;
    const hashed = checked.records.map(({ subject }, at): HashedRecord => ({ subject, ...hashesAt(checked.hashes, at) }));
    try {
      await this.#checkBatch(id, commit, records, hashed);
    } catch (thrown) {
      return problemOf(thrown, { index: firstIndex, subject: hashed[0]?.subject, commit: id }, "git_failed");
    }
    this.#options.subjects.add(Buffer.concat(hashed.map(({ subject }) => subjectKey(subject))), firstIndex);
    this.#options.onProgress?.(this.#position.tree.size);
    return undefined;
  }

  /** What depends on the records before: that subject and number are new. Then what the check on its own found. */
  async #checkRecords(checked: CheckedBatch, content: Buffer, firstIndex: number, commit: ObjectId): Promise<LedgerProblem | undefined> {
    const inBatch = new Map<string, number>();
    const compacts = this.#options.checkRecord === undefined ? [] : decodeRecords(content);
    for (const [at, { subject, sequence }] of checked.records.entries()) {
      const index = firstIndex + at;
      const place: ProblemPlace = { index, subject, commit };
      const earlier = inBatch.get(subject) ?? (await this.#recordOf(subject));
      if (earlier !== undefined) return problemAt("ledger_record_invalid", `record ${earlier} is about the same op`, place);
      inBatch.set(subject, index);
      if (sequence !== undefined && !this.#options.sequences.use(sequence, index))
        return problemAt("ledger_record_invalid", `a record before it used number ${sequence.seq} of ${sequence.key} already`, place);
      try {
        await this.#options.checkRecord?.(verifyAuditRecord(compacts[at] ?? ""), index);
      } catch (thrown) {
        return problemOf(thrown, place, "ledger_record_invalid");
      }
    }
    const { failure } = checked;
    if (failure === undefined) return undefined;
    const index = firstIndex + checked.records.length;
    return problemAt(failure.code, failure.message, { index, subject: failure.subject, commit });
  }

  /** Index of the record that is about this subject, of those before the batch. */
  async #recordOf(subject: string): Promise<number | undefined> {
    if (this.#tree === undefined) return undefined;
    for (const index of this.#options.subjects.candidates(subjectKey(subject))) {
      const compact = await recordAt(this.#objects, this.#tree, index);
      if (compact !== undefined && subjectOfRecord(compact) === subject) return index;
    }
    return undefined;
  }

  async #checkBatch(id: ObjectId, commit: DecodedCommit, recordsBlob: ObjectId, records: readonly HashedRecord[]): Promise<void> {
    const batch = planBatch(this.#position, records);
    if (commit.message !== batch.message) throw new TriplaneError("ledger_chain_broken", describeMessage(id, commit.message, batch));
    const noteEntry = await this.#objects.entryAt(commit.tree, CHECKPOINT_PATH);
    if (noteEntry === undefined || noteEntry.mode !== "100644") throw new TriplaneError("ledger_tree_invalid", "the checkpoint is missing");
    const checkpoint = this.#checkCheckpoint(await this.#objects.blob(noteEntry.id), batch.tree, currentController(this.#tenures));
    const known = new Map([
      [recordsPath(batch.firstIndex), recordsBlob],
      [CHECKPOINT_PATH, noteEntry.id],
    ]);
    await this.#checkTree(id, commit, batch.files, known);
    this.#checkSigner(id, commit);
    this.#tree = commit.tree;
    this.#checkpoint = checkpoint;
    this.#position = { tree: batch.tree, index: batch.index, chainHead: batch.chainHead, timeMs: checkpoint.timeMs };
  }

  /** The commit by which one key hands over to the next, at exactly the place where the ledger stands. */
  async #handOver(id: ObjectId, commit: DecodedCommit, tokens: readonly string[]): Promise<LedgerProblem | undefined> {
    const { tree, chainHead } = this.#position;
    try {
      const tenures = tenuresOf(tokens, this.#anchor);
      const before = this.#tenures.flatMap(({ succession }) => succession?.token.compact ?? []);
      if (tokens.length !== before.length + 1 || before.some((token, at) => token !== tokens[at]))
        throw new TriplaneError("ledger_chain_broken", `commit ${id} does not add one succession to those before it`);
      const { controller, succession } = lastOf(tenures);
      const claims = succession?.claims;
      const root = tree.root().toString("base64");
      if (claims?.size !== tree.size || claims.root !== root || claims.chain_head !== chainHead)
        throw new TriplaneError("ledger_chain_broken", `commit ${id} hands over at another place than the ledger's ${tree.size} records`);
      if (this.#audience !== undefined && claims.aud !== this.#audience)
        throw new TriplaneError("ledger_chain_broken", `the succession is for ${claims.aud}, not for ${this.#audience}`);
      if (commit.message !== handOverMessage(tree.size, controller, chainHead))
        throw new TriplaneError("ledger_chain_broken", `the message of commit ${id} is not what its succession makes it`);
      const entry = await this.#objects.entryAt(commit.tree, CHECKPOINT_PATH);
      if (entry === undefined || entry.mode !== "100644") throw new TriplaneError("ledger_tree_invalid", "the checkpoint is missing");
      const checkpoint = this.#checkCheckpoint(await this.#objects.blob(entry.id), tree, controller);
      const files = new Map([[SUCCESSIONS_PATH, Buffer.from(encodeSuccessions(tokens), "latin1")]]);
      await this.#checkTree(id, commit, files, new Map([[CHECKPOINT_PATH, entry.id]]));
      this.#checkSigner(id, commit);
      this.#tenures = tenures;
      this.#tree = commit.tree;
      this.#checkpoint = checkpoint;
      this.#position = { ...this.#position, timeMs: checkpoint.timeMs };
      return undefined;
    } catch (thrown) {
      return problemOf(thrown, { index: tree.size, commit: id }, "ledger_chain_broken");
    }
  }

  #checkSigner(id: ObjectId, commit: DecodedCommit): void {
    const signer = signerOf(id, commit);
    if (signer !== currentController(this.#tenures))
      throw new TriplaneError("ledger_chain_broken", `commit ${id} was signed by ${signer}, not by the ops-controller`);
  }

  #checkCheckpoint(note: Buffer, tree: TileTree, controller: Did): Checkpoint {
    const checkpoint = readCheckpoint(note.toString("utf8"), this.#anchor.origin, controller);
    const root = tree.root().toString("base64");
    if (checkpoint.size !== tree.size || checkpoint.root !== root) {
      throw new TriplaneError(
        "ledger_tree_invalid",
        `the checkpoint says ${checkpoint.size} records with root ${checkpoint.root}, the records make ${tree.size} with root ${root}`,
      );
    }
    if (checkpoint.timeMs < this.#position.timeMs)
      throw new TriplaneError("ledger_tree_invalid", "the checkpoint is older than the one before it");
    return checkpoint;
  }

  async #checkTree(id: ObjectId, commit: DecodedCommit, files: Batch["files"], known: ReadonlyMap<string, ObjectId>): Promise<void> {
    const scratch = createObjectWriter("");
    const changes = new Map<string, ObjectId | undefined>(known);
    for (const [path, content] of files) changes.set(path, content === undefined ? undefined : scratch.blob(content));
    const expected = await editTree(this.#objects, scratch, this.#tree, changes);
    if (expected === commit.tree) return;
    const path = await firstDifference(this.#objects, scratch, expected, commit.tree);
    const code = path.startsWith("records") ? "ledger_record_invalid" : "ledger_tree_invalid";
    throw new TriplaneError(code, `in commit ${id} ${path} is not what the records make it`);
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
