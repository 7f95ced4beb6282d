// Writes the ledger: a batch of records is one signed commit.
//
// 1. A record is committed once: a subject that the ledger has is skipped (`every-command-lands`).
// 2. When `append` returns, the batch is on disk: objects first, then the refs that name them (`persist-before-ack`).
// 3. What counts is the signed head. A torn write leaves objects that nobody names; the next writer starts from the signed head.
// 4. One writer per repository. After a failed append the writer is spent: what reached the disk is unknown until it is opened again.
import { type AuditRecord, type Clock, type Did, failpoint, nowSeconds, type SigningKey, TriplaneError } from "@triplane/contract";
import { createObjectWriter, editTree, listRefs, type ObjectId, type ObjectReader, openObjects, runGit, updateRefs } from "../git/index.ts";
import type { Identity } from "../radicle/identity.ts";
import { namespaced, nidOfDid, refs } from "../radicle/layout.ts";
import { writeSignedCommit } from "../radicle/signed-commit.ts";
import { readSigrefs, type SigrefsEntry, writeSigrefs } from "../radicle/sigrefs.ts";
import type { Checkpoint, RepositoryPin } from "../types.ts";
import { hashRecord, planBatch } from "./batch.ts";
import { signCheckpoint } from "./checkpoint.ts";
import { type SuccessionGrounds, writeHandOver } from "./hand-over.ts";
import { KnownSubjects } from "./known-subjects.ts";
import { CHECKPOINT_PATH, encodeRecords, LEDGER_BRANCH, MAX_BATCH_RECORDS, MAX_RECORD_BYTES, recordsPath } from "./layout.ts";
import { packSmall } from "./packing.ts";
import { readStanding, type Standing } from "./standing.ts";
import { assertSameControllers, type LedgerAnchor, verifyStateRepository } from "./state-repository.ts";
import { clearStaleRefLocks, lockRepository, type WriterLock } from "./writer-lock.ts";

export interface LedgerWriterOptions {
  readonly repoDir: string;
  /** The ops-controller's key: the only delegate, or the one that the delegate before it is to hand over to. */
  readonly key: SigningKey;
  /** The key before it, where that one may still have to hand over. */
  readonly former?: SigningKey | undefined;
  readonly pin: RepositoryPin;
  readonly clock: Clock;
}

export interface AppendResult {
  /** The batch's commit; undefined where every record was known. */
  readonly commit: ObjectId | undefined;
  /** Records in the ledger now. */
  readonly size: number;
  /** Subjects that the ledger had already. */
  readonly skipped: readonly string[];
}

export interface LedgerWriter {
  readonly size: number;
  readonly checkpoint: Checkpoint | undefined;
  readonly workspace: string;
  /** Whose records it takes, and who signs its commits. */
  readonly controller: Did;
  /** The key that waits for the ledger, if one does. */
  readonly successor: Did | undefined;
  /** Hands the ledger over to the successor. Records that the old key signed can no longer be appended. Throws `git_failed`. */
  handOver(grounds: SuccessionGrounds): Promise<void>;
  /** Commits the records that are new, in order, as one batch of at most 500. Throws `ledger_record_invalid`, `git_failed`. */
  append(records: readonly AuditRecord[]): Promise<AppendResult>;
  /** Exact: whether a record of this subject is in the ledger. */
  has(subject: string): Promise<boolean>;
  /** Packs what many small batches left. Cost grows with what is packed, not with the ledger. */
  tidy(): Promise<void>;
  close(): Promise<void>;
}

const HEAD_REF = refs.head(LEDGER_BRANCH);
const AUTHOR = "ops-controller";

/** Throws `ledger_locked`, `delegates_invalid`, `rid_mismatch`, `sigrefs_invalid`, `git_failed`. */
export async function openLedgerWriter(options: LedgerWriterOptions): Promise<LedgerWriter> {
  const lock = await lockRepository(options.repoDir);
  const objects = openObjects(options.repoDir);
  try {
    const { anchor, controllers, verified } = await verifyStateRepository(objects, options.repoDir, options.pin, { sigrefs: "tip" });
    const { key, successor } = whoseTurn(controllers, options);
    const names = refNames(key);
    await clearStaleRefLocks(options.repoDir, Object.values(names));
    if (successor !== undefined) await clearStaleRefLocks(options.repoDir, Object.values(refNames(successor)));
    const sigrefs = await recoverRefs(objects, options, key, names);
    const standing = await readStanding(objects, anchor, sigrefs.refs.get(HEAD_REF));
    assertSameControllers(controllers, standing.tenures);
    const subjects = await KnownSubjects.open(options.repoDir, objects, standing);
    const { identity } = verified;
    return new Writer({ options, anchor, objects, lock, subjects, identity }, { key, successor }, sigrefs, standing);
  } catch (cause) {
    objects.close();
    await lock.release();
    throw cause;
  }
}

interface Turn {
  readonly key: SigningKey;
  /** Waits for the ledger. */
  readonly successor: SigningKey | undefined;
}

function whoseTurn(controllers: readonly Did[], { key, former }: LedgerWriterOptions): Turn {
  const controller = controllers.at(-1);
  if (controller === key.did) return { key, successor: undefined };
  if (former !== undefined && controller === former.did && !controllers.includes(key.did)) return { key: former, successor: key };
  const handedOver = controllers.includes(key.did) ? "; this one handed the ledger over, and does not get it back" : "";
  throw new TriplaneError("delegates_invalid", `the only delegate is ${controller}, this key is ${key.did}${handedOver}`);
}

function refNames(key: SigningKey) {
  const nid = nidOfDid(key.did);
  return { head: namespaced(nid, HEAD_REF), sigrefs: namespaced(nid, refs.sigrefs), canonical: HEAD_REF } as const;
}

/** Sets the loose heads to the signed head: a write that was torn before its signature did not happen. */
async function recoverRefs(
  objects: ObjectReader,
  options: LedgerWriterOptions,
  key: SigningKey,
  names: ReturnType<typeof refNames>,
): Promise<SigrefsEntry> {
  const loose = await listRefs(options.repoDir, "refs/");
  const tip = loose.get(names.sigrefs);
  if (tip === undefined) throw new TriplaneError("sigrefs_invalid", `${key.did} has signed no refs in ${options.repoDir}`);
  const sigrefs = await readSigrefs(objects, key.did, tip, options.pin.identityRoot);
  const head = sigrefs.refs.get(HEAD_REF);
  const stray = [names.head, names.canonical].filter((name) => loose.get(name) !== head);
  if (head === undefined) {
    const drops = stray.map((name) => `delete ${name} ${loose.get(name)}\n`);
    if (drops.length > 0) await runGit(options.repoDir, ["update-ref", "--no-deref", "--stdin"], { stdin: drops.join("") });
  } else {
    await updateRefs(
      options.repoDir,
      stray.map((name) => ({ name, value: head, old: loose.get(name) })),
    );
  }
  return sigrefs;
}

interface Held {
  readonly options: LedgerWriterOptions;
  readonly anchor: LedgerAnchor;
  readonly objects: ObjectReader;
  readonly lock: WriterLock;
  readonly subjects: KnownSubjects;
  readonly identity: Identity;
}

class Writer implements LedgerWriter {
  readonly #options: LedgerWriterOptions;
  readonly #anchor: LedgerAnchor;
  readonly #objects: ObjectReader;
  readonly #lock: WriterLock;
  readonly #subjects: KnownSubjects;
  readonly #identity: Identity;
  #turn: Turn;
  #packing: Promise<void> | undefined;
  #sigrefs: SigrefsEntry;
  #standing: Standing;
  #state: "open" | "spent" | "closed" = "open";

  constructor(held: Held, turn: Turn, sigrefs: SigrefsEntry, standing: Standing) {
    this.#options = held.options;
    this.#anchor = held.anchor;
    this.#objects = held.objects;
    this.#lock = held.lock;
    this.#subjects = held.subjects;
    this.#identity = held.identity;
    this.#turn = turn;
    this.#sigrefs = sigrefs;
    this.#standing = standing;
  }

  get size(): number {
    return this.#standing.position.tree.size;
  }

  get checkpoint(): Checkpoint | undefined {
    return this.#standing.checkpoint;
  }

  get workspace(): string {
    return this.#anchor.workspace;
  }

  get controller(): Did {
    return this.#turn.key.did;
  }

  get successor(): Did | undefined {
    return this.#turn.successor?.did;
  }

  async handOver(grounds: SuccessionGrounds): Promise<void> {
    this.#assertOpen();
    const { key: from, successor: to } = this.#turn;
    if (to === undefined) throw new TriplaneError("git_failed", "no key waits for the ledger");
    this.#state = "spent";
    const { repoDir, clock } = this.#options;
    const { standing, sigrefs } = await writeHandOver({
      ...{ repoDir, objects: this.#objects, anchor: this.#anchor, identity: this.#identity, standing: this.#standing },
      ...{ sigrefs: this.#sigrefs, from, to, grounds, nowMs: clock.nowMs(), author: AUTHOR },
    });
    this.#turn = { key: to, successor: undefined };
    this.#standing = standing;
    this.#sigrefs = sigrefs;
    this.#state = "open";
  }

  async has(subject: string): Promise<boolean> {
    this.#assertOpen();
    return this.#subjects.has(subject, this.#standing);
  }

  async append(records: readonly AuditRecord[]): Promise<AppendResult> {
    this.#assertOpen();
    for (const record of records) this.#assertOurs(record);
    if (records.length > MAX_BATCH_RECORDS)
      throw new TriplaneError("ledger_record_invalid", `a batch of ${records.length} records is more than ${MAX_BATCH_RECORDS}`);
    const skipped: string[] = [];
    const fresh = new Map<string, AuditRecord>();
    for (const record of records) {
      const { subject } = record.claims;
      if (fresh.has(subject) || (await this.has(subject))) skipped.push(subject);
      else fresh.set(subject, record);
    }
    if (fresh.size === 0) return { commit: undefined, size: this.size, skipped };
    this.#state = "spent";
    const commit = await this.#commit([...fresh.values()]);
    this.#state = "open";
    return { commit, size: this.size, skipped };
  }

  async tidy(): Promise<void> {
    this.#assertOpen();
    this.#packing ??= packSmall(this.#options.repoDir).finally(() => {
      this.#packing = undefined;
    });
    await this.#packing;
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    await this.#packing;
    this.#subjects.close();
    this.#objects.close();
    await this.#lock.release();
  }

  async #commit(records: readonly AuditRecord[]): Promise<ObjectId> {
    const { clock, repoDir } = this.#options;
    const { key } = this.#turn;
    const { head, position } = this.#standing;
    const compacts = records.map((record) => record.token.compact);
    const batch = planBatch(
      position,
      records.map((record) => hashRecord(record.claims.subject, record.token.compact)),
    );
    // Time never runs back between checkpoints, whatever the clock does.
    const timeMs = Math.max(clock.nowMs(), position.timeMs);
    const checkpoint = signCheckpoint(this.#anchor.origin, batch.tree.size, batch.tree.root(), timeMs, key);

    failpoint("mirror.before-write");
    const objects = createObjectWriter(repoDir);
    const changes = new Map<string, ObjectId | undefined>();
    for (const [path, content] of batch.files) changes.set(path, content === undefined ? undefined : objects.blob(content));
    changes.set(recordsPath(batch.firstIndex), objects.blob(encodeRecords(compacts)));
    changes.set(CHECKPOINT_PATH, objects.blob(checkpoint.note));
    const tree = await editTree(this.#objects, objects, head?.tree, changes);
    const parents = head === undefined ? [] : [head.commit];
    const text = { tree, parents, message: batch.message, author: AUTHOR, timeS: Math.floor(timeMs / 1000) };
    const commit = await writeSignedCommit(objects, text, key);
    const signed = new Map([...this.#sigrefs.refs, [HEAD_REF, commit]]);
    const sigrefs = await writeSigrefs(objects, key, signed, this.#sigrefs.commit, nowSeconds(clock));
    await objects.flush();
    failpoint("mirror.after-write");

    const names = refNames(key);
    failpoint("mirror.before-push");
    await updateRefs(repoDir, [
      { name: names.canonical, value: commit, old: head?.commit },
      { name: names.head, value: commit, old: head?.commit },
      { name: names.sigrefs, value: sigrefs, old: this.#sigrefs.commit },
    ]);
    failpoint("mirror.after-push");
    this.#sigrefs = { commit: sigrefs, parent: this.#sigrefs.commit, refs: signed };
    const after = { tree: batch.tree, index: batch.index, chainHead: batch.chainHead, timeMs };
    this.#standing = { head: { commit, tree }, position: after, checkpoint, tenures: this.#standing.tenures };
    this.#subjects.add(
      records.map((record) => record.claims.subject),
      batch.firstIndex,
      commit,
    );
    return commit;
  }

  #assertOurs(record: AuditRecord): void {
    const { claims, token } = record;
    if (token.kid !== this.controller)
      throw new TriplaneError("ledger_record_invalid", `record ${claims.subject} was signed by ${token.kid}, not by the ops-controller`);
    if (!claims.aud.startsWith(`${this.#anchor.workspace}/`))
      throw new TriplaneError(
        "ledger_record_invalid",
        `record ${claims.subject} is for ${JSON.stringify(claims.aud)}, not for ${this.#anchor.workspace}`,
      );
    if (token.compact.length > MAX_RECORD_BYTES)
      throw new TriplaneError(
        "ledger_record_invalid",
        `record ${claims.subject} has ${token.compact.length} bytes, at most ${MAX_RECORD_BYTES} fit`,
      );
  }

  #assertOpen(): void {
    if (this.#state !== "open") throw new TriplaneError("git_failed", `the ledger's writer is ${this.#state}: open it again`);
  }
}
