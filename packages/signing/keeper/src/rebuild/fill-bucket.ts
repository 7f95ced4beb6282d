// Fills the sequence bucket of a workspace whose NATS store was lost, from decisions that the ledger proves.
//
// 1. A bucket that holds anything is never touched; one that an earlier rebuild left in the middle is gone on with. `no-fail-open`
// 2. The bucket says that it is not whole before its first value, and that it is whole after its last one.
import type { KeyValue } from "@triplane/bus";
import { TriplaneError } from "@triplane/contract";
import type { PolicySource } from "../ports.ts";
import {
  type PolicyRecord,
  policyRecordSchema,
  RECORD_KEYS,
  type RebuildRecord,
  readRecord,
  rebuildRecordSchema,
  sequenceRecordSchema,
} from "../records.ts";
import { type KeyRecords, PastDecisions } from "./past-decisions.ts";

export interface FillOptions {
  readonly workspace: string;
  readonly bucket: KeyValue;
  /** Admissions and refusals that were verified, in any order; the same one twice is harmless. */
  readonly decisions: AsyncIterable<string>;
  readonly source: PolicySource;
  /** What the decisions come from. */
  readonly origin: Pick<RebuildRecord, "size" | "root">;
  /** Seconds since 1970. */
  readonly nowS: number;
  /** Called with the number of decisions taken in. */
  readonly onProgress?: (done: number) => void;
}

export interface FillReport {
  readonly decisions: number;
  readonly keys: number;
  /** Reviews that ended, and refusals that consumed no number. */
  readonly settled: number;
  /** Numbers that were left open, by key. */
  readonly missing: ReturnType<PastDecisions["missing"]>;
}

/** What a bucket is to a rebuild. Throws `internal` for one that no keeper wrote. */
export async function bucketStanding(bucket: KeyValue): Promise<"empty" | "begun" | "filled"> {
  const entry = await bucket.get(RECORD_KEYS.rebuild);
  if (entry !== undefined) return readRecord(entry.key, entry.value, rebuildRecordSchema).state === "begun" ? "begun" : "filled";
  return (await bucket.keys()).length === 0 ? "empty" : "filled";
}

/** Throws `replay_not_empty`, and what the policy's source throws. */
export async function fillBucket(options: FillOptions): Promise<FillReport> {
  const { bucket, workspace, decisions, source, origin, nowS, onProgress } = options;
  const standing = await bucketStanding(bucket);
  if (standing === "filled") throw new TriplaneError("replay_not_empty", `the sequence bucket of ${workspace} holds numbers already`);
  const head = await source.approvedHead(undefined);
  const { policy } = await source.load(head.commit);
  const say = (state: RebuildRecord["state"]): string => JSON.stringify({ state, ...origin } satisfies RebuildRecord);
  if (standing === "empty") await bucket.create(RECORD_KEYS.rebuild, say("begun"));

  const past = new PastDecisions(workspace);
  let taken = 0;
  let settled = 0;
  for await (const compact of decisions) {
    for (const { key, record } of past.take(compact)) {
      settled += 1;
      // Undefined means that it is there: from before a stop, or from the same decision seen twice.
      await bucket.create(key, JSON.stringify(record));
    }
    taken += 1;
    onProgress?.(taken);
  }
  for (const key of past.records(policy, nowS)) await fillKey(bucket, key);
  await putPolicy(bucket, { commit: head.commit, policy_version: policy.policy_version, identity_revision: head.identityRevision });

  const begun = await bucket.get(RECORD_KEYS.rebuild);
  if (begun === undefined || (await bucket.update(RECORD_KEYS.rebuild, say("done"), begun.revision)) === undefined)
    throw new TriplaneError("unavailable", "somebody else writes to the sequence bucket");
  return { decisions: taken, keys: past.keys, settled, missing: past.missing() };
}

async function fillKey(bucket: KeyValue, { did, records }: KeyRecords): Promise<void> {
  const key = RECORD_KEYS.sequence(did);
  const present = await bucket.get(key);
  const reached = present === undefined ? 0 : readRecord(key, present.value, sequenceRecordSchema).seq;
  let revision = present?.revision;
  for (const record of records) {
    if (record.seq <= reached) continue;
    const text = JSON.stringify(record);
    const written: number | undefined = revision === undefined ? await bucket.create(key, text) : await bucket.update(key, text, revision);
    if (written === undefined) throw new TriplaneError("unavailable", "somebody else writes to the sequence bucket");
    revision = written;
  }
}

async function putPolicy(bucket: KeyValue, record: PolicyRecord): Promise<void> {
  const present = await bucket.get(RECORD_KEYS.policy);
  if (present !== undefined) policyRecordSchema.parse(JSON.parse(present.value));
  else await bucket.create(RECORD_KEYS.policy, JSON.stringify(record));
}
