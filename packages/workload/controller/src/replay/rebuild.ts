// Rebuilds the controller's empty database from a verified ledger: the rows of all ops that ended, the uses of sealed keys, and the
// policy that was in force.
//
// 1. A database that holds anything is never touched; one that an earlier rebuild left in the middle is gone on with.
// 2. The database says that it is not whole before its first row, and that it is whole in its last commit: until then no controller
//    starts on it. `no-fail-open`
// 3. A policy clone that is behind the ledger rebuilds nothing: what was decided under a newer policy must not be taken back.
import { type AuditRecord, type Op, TriplaneError, verifyAdmission, verifyOp, verifyRefusal } from "@triplane/contract";
import { type LoadedPolicy, policyCommitOf, signerOf } from "@triplane/policy";
import type { Store, Write } from "@triplane/store";
import { glassId } from "../adapters/store-records.ts";
import { glassRowOf } from "../glass/judge.ts";
import type { AcceptedHead, PolicySource } from "../ports.ts";
import { documentOf, type FinishedRow, type GlassRow, type PolicyRow } from "../rows.ts";
import { databaseStanding, MARK } from "./standing.ts";

const BATCH = 200;

export interface RebuildOptions {
  readonly store: Store;
  readonly workspace: string;
  /** Verified records in the order of the ledger. */
  readonly records: AsyncIterable<AuditRecord>;
  readonly source: PolicySource;
  /** What the records come from. */
  readonly origin: { readonly size: number; readonly root: string };
  readonly onProgress?: (done: number) => void;
}

export interface RebuildReport {
  readonly ops: number;
  readonly policy: PolicyRow;
}

/** Throws `replay_not_empty`, `policy_rollback`, and what the policy's source throws. */
export async function rebuildDatabase(options: RebuildOptions): Promise<RebuildReport> {
  const { store, records, source, origin, onProgress } = options;
  const standing = await databaseStanding(store);
  if (standing === "filled") throw new TriplaneError("replay_not_empty", "the controller's database holds ops");
  const head = await source.approvedHead(undefined);
  const policies = new Policies(source, head);
  const { policy } = await policies.at(head.commit);
  if (policy.workspace !== options.workspace)
    throw new TriplaneError("policy_invalid", `the policy is for workspace ${policy.workspace}, this is ${options.workspace}`);
  if (standing === "empty") await store.commit([{ kind: "create", ...MARK, document: { state: "begun", ...origin } }]);

  let ops = 0;
  let inForceSinceS: number | undefined;
  let batch: FinishedRow[] = [];
  const uses: GlassRow[] = [];
  const flush = async (): Promise<void> => {
    await createMissing(store, batch, standing === "begun");
    batch = [];
  };
  for await (const record of records) {
    ops += 1;
    const commit = policyCommitOf(record.claims.decision);
    const { policy: named } = await policies.at(commit);
    batch.push(finishedRow(record, ops, named));
    const use = useOf(record, named);
    if (use !== undefined) uses.push(use);
    if (commit === head.commit) inForceSinceS = Math.min(inForceSinceS ?? record.claims.accepted_at, record.claims.accepted_at);
    if (batch.length >= BATCH) await flush();
    onProgress?.(ops);
  }
  await flush();
  await createUses(store, uses, policies.ratified());
  // Since when it was in force is not in the ledger. The earlier the time, the more of what still waits is held against it (ADR-015).
  const row: PolicyRow = {
    ...{ commit: head.commit, policy_version: policy.policy_version, identity_revision: head.identityRevision },
    since_ms: (inForceSinceS ?? 0) * 1000,
  };
  // A controller that never got an op has remembered its policy all the same, and what it remembers is newer than the ledger.
  const isRemembered = (await store.get("meta", "policy")) !== undefined;
  await store.commit([
    ...(isRemembered ? [] : [{ kind: "create", table: "meta", id: "policy", document: documentOf(row) } as const]),
    { kind: "replace", ...MARK, document: { state: "done", ...origin } },
  ]);
  return { ops, policy: row };
}

class Policies {
  readonly #source: PolicySource;
  readonly #head: AcceptedHead;
  readonly #known = new Map<string, LoadedPolicy>();

  constructor(source: PolicySource, head: AcceptedHead) {
    this.#source = source;
    this.#head = head;
  }

  /** What any of the policies that were asked for ratifies. */
  ratified(): ReadonlySet<string> {
    return new Set([...this.#known.values()].flatMap(({ policy }) => policy.ratified));
  }

  async at(commit: string): Promise<LoadedPolicy> {
    const known = this.#known.get(commit);
    if (known !== undefined) return known;
    const here = await this.#source.isApprovedStep(commit, this.#head.commit).catch(() => false);
    if (!here)
      throw new TriplaneError(
        "policy_rollback",
        `the ledger has decisions under policy ${commit}; the approved head here is ${this.#head.commit}`,
        {
          hint: "Fetch the policy repository from a seed that is up to date, then try again.",
        },
      );
    const loaded = await this.#source.load(commit);
    this.#known.set(commit, loaded);
    return loaded;
  }
}

function finishedRow({ claims, token }: AuditRecord, position: number, policy: LoadedPolicy["policy"]): FinishedRow {
  const { opDigest, op } = opIn(claims);
  const signer = op === undefined ? undefined : signerOf(policy, op.claims.iss);
  return {
    ...{ subject: claims.subject, op_digest: opDigest, position, accepted_at: claims.accepted_at },
    // Which message it was in a stream that may be gone, nobody asks any more.
    stream_seq: 0,
    ...(op === undefined || signer === undefined ? {} : { answer_to: { principal: signer.principal, jti: op.claims.jti } }),
    ...{ state: "finished", outcome: claims.outcome, record: token.compact },
    ...(claims.code === undefined ? {} : { code: claims.code }),
    ...(claims.workspace_revision === undefined ? {} : { revision: claims.workspace_revision }),
  };
}

/** A record of an op that broke the glass, as the row that it was. */
function useOf({ claims }: AuditRecord, policy: LoadedPolicy["policy"]): GlassRow | undefined {
  if (claims.basis !== "admission") return undefined;
  const admission = verifyAdmission(claims.decision).claims;
  if (admission.basis !== "break_glass") return undefined;
  const { subject, accepted_at: acceptedAtS, outcome } = claims;
  return glassRowOf({ op: verifyOp(admission.op), policy, rule: admission.rule, subject, acceptedAtS, isRefused: outcome === "refused" });
}

/** Windows that ended meanwhile freeze people when the controller starts. */
async function createUses(store: Store, uses: readonly GlassRow[], ratified: ReadonlySet<string>): Promise<void> {
  for (const use of uses) {
    if ((await store.get("break_glass", glassId(use))) !== undefined) continue;
    const row: GlassRow = use.state === "open" && ratified.has(use.subject) ? { ...use, state: "ratified" } : use;
    await store.commit([{ kind: "create", table: "break_glass", id: glassId(row), document: documentOf(row) }]);
  }
}

function opIn(claims: AuditRecord["claims"]): { readonly opDigest: FinishedRow["op_digest"]; readonly op: Op | undefined } {
  if (claims.basis === "admission") {
    const admission = verifyAdmission(claims.decision).claims;
    return { opDigest: admission.op_digest, op: verifyOp(admission.op) };
  }
  const refusal = verifyRefusal(claims.decision).claims;
  return { opDigest: refusal.op_digest, op: refusal.op === undefined ? undefined : verifyOp(refusal.op) };
}

async function createMissing(store: Store, rows: readonly FinishedRow[], someAreThere: boolean): Promise<void> {
  const missing: FinishedRow[] = [];
  for (const row of rows) if (!someAreThere || (await store.get("ops", row.subject)) === undefined) missing.push(row);
  const writes = missing.map((row): Write => ({ kind: "create", table: "ops", id: row.subject, document: documentOf(row) }));
  if (writes.length > 0) await store.commit(writes);
}
