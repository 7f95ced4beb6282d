// Reads records back: all of them in order, or one by its subject. Checks what each record is; the whole is verifyLedger's.
import { TriplaneError, verifyAuditRecord } from "@triplane/contract";
import { type ObjectId, type ObjectReader, openObjects } from "../git/index.ts";
import { refs } from "../radicle/layout.ts";
import { gitDirOf } from "../radicle/storage.ts";
import type { Checkpoint, LedgerEntry, RepositoryPin } from "../types.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { CHECKPOINT_PATH, decodeRecords, LEDGER_BRANCH, recordsPath } from "./layout.ts";
import { recordAt } from "./record-at.ts";
import { assertSameControllers, type LedgerAnchor, signedHead, verifyStateRepository } from "./state-repository.ts";
import { candidatesOf } from "./subject-index.ts";
import { controllerOf, currentController, type Tenures, tenuresAt, tenuresOf } from "./successions.ts";

export interface ReadLedgerOptions {
  /** Newest record first. */
  readonly newestFirst?: boolean;
  /** Leave out records before this index. */
  readonly fromIndex?: number;
}

/** An opened ledger at its signed head. */
export interface LedgerView {
  readonly anchor: LedgerAnchor;
  readonly objects: ObjectReader;
  /** Undefined for a ledger without records. */
  readonly head: { readonly commit: ObjectId; readonly tree: ObjectId; readonly checkpoint: Checkpoint } | undefined;
  readonly tenures: Tenures;
}

/** Opens a ledger at the head that the ops-controller signed; the caller closes `objects`. */
export async function openView(repoDir: string, pin: RepositoryPin): Promise<LedgerView> {
  const gitDir = await gitDirOf(repoDir);
  const objects = openObjects(gitDir);
  try {
    const { anchor, verified, controllers } = await verifyStateRepository(objects, gitDir, pin, { sigrefs: "tip" });
    const commit = signedHead(verified, controllers.at(-1) ?? anchor.founder, refs.head(LEDGER_BRANCH));
    if (commit === undefined) return { anchor, objects, head: undefined, tenures: tenuresOf([], anchor) };
    const { tree } = await objects.commit(commit);
    const tenures = await tenuresAt(objects, tree, anchor);
    assertSameControllers(controllers, tenures);
    return { anchor, objects, head: { commit, tree, checkpoint: await checkpointAt(objects, anchor, tree) }, tenures };
  } catch (cause) {
    objects.close();
    throw cause;
  }
}

async function checkpointAt(objects: ObjectReader, anchor: LedgerAnchor, tree: ObjectId): Promise<Checkpoint> {
  const note = (await objects.fileAt(tree, CHECKPOINT_PATH))?.toString("utf8") ?? "";
  return readCheckpoint(note, anchor.origin, currentController(await tenuresAt(objects, tree, anchor)));
}

/** The checkpoint at the signed head, or undefined for a ledger without records. */
export async function ledgerCheckpoint(repoDir: string, pin: RepositoryPin): Promise<Checkpoint | undefined> {
  const view = await openView(repoDir, pin);
  view.objects.close();
  return view.head?.checkpoint;
}

/** Records of the ledger one after another. Throws `ledger_record_invalid` at one that the ops-controller did not sign. */
export async function* readLedger(repoDir: string, pin: RepositoryPin, options: ReadLedgerOptions = {}): AsyncGenerator<LedgerEntry> {
  const view = await openView(repoDir, pin);
  const fromIndex = options.fromIndex ?? 0;
  try {
    if (options.newestFirst === true) {
      for await (const place of placesBackwards(view, fromIndex)) yield* (await entriesOf(view, place, fromIndex)).reverse();
      return;
    }
    const places: BatchPlace[] = [];
    for await (const place of placesBackwards(view, fromIndex)) places.push(place);
    for (const place of places.reverse()) yield* await entriesOf(view, place, fromIndex);
  } finally {
    view.objects.close();
  }
}

interface BatchPlace {
  readonly commit: ObjectId;
  readonly tree: ObjectId;
  readonly firstIndex: number;
}

async function* placesBackwards(view: LedgerView, fromIndex: number): AsyncGenerator<BatchPlace> {
  let next = view.head;
  while (next !== undefined && next.checkpoint.size > fromIndex) {
    const { commit, tree } = next;
    const [parent] = (await view.objects.commit(commit)).parents;
    const before: LedgerView["head"] = parent === undefined ? undefined : await standingAt(view, parent);
    const firstIndex = before?.checkpoint.size ?? 0;
    // A commit that hands the ledger over holds no records.
    if (firstIndex < next.checkpoint.size) yield { commit, tree, firstIndex };
    next = before;
  }
}

async function standingAt(view: LedgerView, commit: ObjectId): Promise<NonNullable<LedgerView["head"]>> {
  const { tree } = await view.objects.commit(commit);
  return { commit, tree, checkpoint: await checkpointAt(view.objects, view.anchor, tree) };
}

async function entriesOf(view: LedgerView, place: BatchPlace, fromIndex: number): Promise<LedgerEntry[]> {
  const content = await view.objects.fileAt(place.tree, recordsPath(place.firstIndex));
  if (content === undefined) throw new TriplaneError("ledger_record_invalid", `record ${place.firstIndex}: its file is missing`);
  return decodeRecords(content)
    .map((compact, at) => ({ compact, index: place.firstIndex + at }))
    .filter(({ index }) => index >= fromIndex)
    .map(({ compact, index }) => ({ ...readRecord(view, compact, index), commit: place.commit }));
}

export type LedgerRecord = Omit<LedgerEntry, "commit">;

function readRecord(view: LedgerView, compact: string, index: number): LedgerRecord {
  try {
    const record = verifyAuditRecord(compact);
    const expected = controllerOf(view.tenures, index);
    if (record.claims.iss !== expected)
      throw new TriplaneError("ledger_record_invalid", `it was signed by ${record.claims.iss}, and it was the turn of ${expected}`);
    return { index, subject: record.claims.subject, record };
  } catch (cause) {
    throw new TriplaneError("ledger_record_invalid", `record ${index}: ${cause instanceof Error ? cause.message : "unreadable"}`, {
      cause,
    });
  }
}

/** The record of a subject, found by the ledger's index. */
export async function findRecord(repoDir: string, pin: RepositoryPin, subject: string): Promise<LedgerRecord | undefined> {
  const view = await openView(repoDir, pin);
  try {
    return await findInView(view, subject);
  } finally {
    view.objects.close();
  }
}

export async function findInView(view: LedgerView, subject: string): Promise<LedgerRecord | undefined> {
  if (view.head === undefined) return undefined;
  const { tree, checkpoint } = view.head;
  for await (const index of candidatesOf(subject, checkpoint.size, (path) => view.objects.fileAt(tree, path))) {
    const compact = await recordAt(view.objects, tree, index);
    const found = compact === undefined ? undefined : readRecord(view, compact, index);
    if (found?.subject === subject) return found;
  }
  return undefined;
}
