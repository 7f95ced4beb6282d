// Rebuilds an orchestrator's empty database from verified records: targets, ops by jti with their results, the revision.
//
// 1. A database that holds anything is never touched; one that an earlier rebuild left in the middle is gone on with.
// 2. The database says that it is not whole before its first row, and that it is whole in the commit of its last ones: until then no
//    orchestrator starts on it. `no-fail-open`
// 3. What an op came to is known again, so that the same op again gives the first result (`applied-once`).
import {
  type ApplyResult,
  type AuditRecord,
  applyResultSchema,
  canonicalJson,
  type Digest,
  digestOf,
  TriplaneError,
  verifyAdmission,
  verifyOp,
} from "@triplane/contract";
import type { Document, Store, Write } from "@triplane/store";
import { changedIn } from "../changed-evidence.ts";
import { instanceOf, type TargetRecord, WORKSPACE_TARGET } from "../model.ts";
import { type OpRow, opDocument } from "../op-row.ts";
import type { PlannerParts } from "../planner.ts";
import { META } from "../records.ts";
import { type InexactTarget, RebuiltTargets } from "./rebuilt-targets.ts";
import { databaseStanding, MARK } from "./standing.ts";

const BATCH = 200;

/** What the records come from. */
export interface RebuildOrigin {
  readonly size: number;
  readonly root: string;
}

export interface RebuildOptions {
  readonly store: Store;
  /** Verified records, each op once; those of one target in the order of their versions. */
  readonly records: AsyncIterable<AuditRecord>;
  readonly planning: Omit<PlannerParts, "records">;
  readonly origin: RebuildOrigin;
  readonly onProgress?: (done: number) => void;
}

export interface RebuildReport {
  readonly ops: number;
  readonly targets: number;
  readonly revision: number;
  readonly stateHash: Digest;
  readonly inexact: readonly InexactTarget[];
}

/** Throws `replay_not_empty`. */
export async function rebuildDatabase(options: RebuildOptions): Promise<RebuildReport> {
  const { store, records, planning, origin, onProgress } = options;
  const standing = await databaseStanding(store);
  if (standing === "filled") throw new TriplaneError("replay_not_empty", "the orchestrator's database holds ops or targets");
  if (standing === "empty") await store.commit([{ kind: "create", ...MARK, document: { state: "begun", ...origin } }]);
  const targets = new RebuiltTargets(planning);
  let revision = 0;
  let ops = 0;
  let batch: OpRow[] = [];
  const flush = async (): Promise<void> => {
    await createMissing(store, batch, standing === "begun");
    batch = [];
  };
  for await (const record of records) {
    const past = pastOf(record);
    if (past === undefined) continue;
    await targets.take({
      ...past.row,
      versionBefore: past.result.state_version_before,
      versionAfter: past.result.state_version_after,
      evidence: past.result.evidence,
    });
    revision = Math.max(revision, past.result.workspace_revision);
    batch.push(past.row);
    ops += 1;
    if (batch.length >= BATCH) await flush();
    onProgress?.(ops);
  }
  await flush();
  const rebuilt = targets.targets();
  await finish(store, rebuilt, revision, origin);
  return { ops, targets: rebuilt.length, revision, stateHash: await storedStateHash(store), inexact: targets.inexact() };
}

/** As GET /workspaces/{ws} says it. */
export async function storedStateHash(store: Store): Promise<Digest> {
  const stored = (await store.list("targets")).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const hashed = stored.map(({ id, document }) => {
    const { version = null, state = null } = document;
    return state === null ? { target: id, version } : { target: id, version, state };
  });
  return digestOf(canonicalJson(hashed));
}

interface Past {
  readonly row: OpRow;
  readonly result: ApplyResult;
}

/** The op that the orchestrator answered for; undefined for a record of which it knew nothing. */
function pastOf({ claims }: AuditRecord): Past | undefined {
  if (claims.basis !== "admission" || claims.state_version_before === undefined || claims.state_version_after === undefined)
    return undefined;
  const op = verifyOp(verifyAdmission(claims.decision).claims.op);
  const { jti, op: kind, target, args } = op.claims;
  const result = applyResultSchema.parse({
    ...{ jti, op_digest: op.token.digest, status: claims.outcome, target },
    ...(claims.code === undefined ? {} : { code: claims.code }),
    ...{ state_version_before: claims.state_version_before, state_version_after: claims.state_version_after },
    ...{ workspace_revision: claims.workspace_revision ?? 0, finished_at: claims.finished_at, evidence: claims.evidence },
  });
  const row: OpRow = {
    ...{ jti, opDigest: op.token.digest, op: kind, target, args, result },
    // Which lease applied it, nobody asks any more.
    ...{ fence: 0, changes: changesOf(result.evidence), targetState: undefined },
    acceptedAtMs: claims.accepted_at * 1000,
    stateVersionBefore: claims.state_version_before,
  };
  return { row, result };
}

/** Which targets it changed, for whoever looks at the row; only an op that still runs is carried on from them. */
function changesOf(evidence: ApplyResult["evidence"]): OpRow["changes"] {
  const { whole, digests } = changedIn(evidence);
  const changed: readonly TargetRecord[] = [...whole, ...digests.map(({ target, version }) => ({ target, version, state: undefined }))];
  return changed
    .filter(({ target }) => target !== WORKSPACE_TARGET)
    .map((record) => ({ target: record.target, action: "rebuilt", before: undefined, after: instanceOf(record) }));
}

async function createMissing(store: Store, rows: readonly OpRow[], someAreThere: boolean): Promise<void> {
  const missing: OpRow[] = [];
  for (const row of rows) if (!someAreThere || (await store.get("ops", row.jti)) === undefined) missing.push(row);
  const writes = missing.map((row): Write => ({ kind: "create", table: "ops", id: row.jti, document: opDocument(row) }));
  if (writes.length > 0) await store.commit(writes);
}

/** The targets' rows may take several commits; the mark goes with the last one. */
async function finish(store: Store, targets: readonly TargetRecord[], revision: number, origin: RebuildOrigin): Promise<void> {
  for (let at = 0; at < targets.length; at += BATCH) {
    const writes = targets.slice(at, at + BATCH).flatMap(({ target, version, state }): readonly Write[] => [
      { kind: "delete", table: "targets", id: target },
      { kind: "create", table: "targets", id: target, document: { version, state: state ?? null } },
    ]);
    await store.commit(writes);
  }
  const meta: Document = { revision, fence: 0 };
  await store.commit([
    { kind: "delete", ...META },
    { kind: "create", ...META, document: meta },
    { kind: "replace", ...MARK, document: { state: "done", ...origin } },
  ]);
}
