// Runs the decision inside a record again, under the policy that it names, taken from a clone that proves which policies were approved.
import { TriplaneError } from "@triplane/contract";
import { type LoadedPolicy, loadPolicy, policyCommitOf, verifyDecision } from "@triplane/policy";
import { isApprovedStep } from "../radicle/approved-step.ts";
import { readTreeFiles } from "../tree-files.ts";
import type { DecisionSource } from "./batch-job.ts";
import type { RecordCheck } from "./check-batch.ts";
import type { CheckedRecord } from "./verify-record.ts";

const MAX_POLICY_BYTES = 4 * 1024 * 1024;

/** Throws `chain_broken` where a decision does not follow from its policy, or the policy was never approved. */
export function decisionCheck(source: DecisionSource): RecordCheck {
  const known = new Map<string, LoadedPolicy | undefined>();
  async function policyAt(commit: string): Promise<LoadedPolicy | undefined> {
    if (!known.has(commit)) known.set(commit, await approvedPolicy(source, commit));
    return known.get(commit);
  }
  return async ({ record, admission, op }: CheckedRecord) => {
    const compact = record.claims.decision;
    const commit = admission?.claims.policy.commit ?? policyCommitOf(compact);
    const policy = known.get(commit) ?? (await policyAt(commit));
    // That the record is for the right workspace was checked with the record; the decision has to agree with it.
    const audience = { workspace: record.claims.aud.split("/")[0] ?? "", policyRid: source.pin.rid };
    const verified = verifyDecision({
      compact,
      audience,
      policyAt: (asked) => (asked === commit ? policy : undefined),
      ...(admission === undefined ? {} : { verifiedAdmission: admission }),
      ...(op === undefined ? {} : { verifiedOp: op }),
    });
    if (verified.kind !== record.claims.basis)
      throw new TriplaneError("chain_broken", `the record says ${record.claims.basis}, the decision is a ${verified.kind}`);
  };
}

async function approvedPolicy({ repoDir, pin, head, minThreshold }: DecisionSource, commit: string): Promise<LoadedPolicy | undefined> {
  if (!(await isApprovedStep(repoDir, pin, commit, { branch: "main", head, minThreshold }))) return undefined;
  return loadPolicy(await readTreeFiles(repoDir, commit, { maxBytes: MAX_POLICY_BYTES }));
}
