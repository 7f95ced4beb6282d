// Running past decisions again: under the policies that a clone of the policy repository proves, or that a receipt carries.
import { type AuditRecord, TriplaneError } from "@triplane/contract";
import { approvedHead, isApprovedStep, type RepositoryPin, readTreeFiles } from "@triplane/ledger";
import { type LoadedPolicy, loadPolicy, type PolicyFiles, policyCommitOf, verifyDecision } from "@triplane/policy";
import { POLICY_MIN_THRESHOLD } from "./policy.ts";

const MAX_POLICY_BYTES = 4 * 1024 * 1024;

export type CheckDecision = (record: AuditRecord) => Promise<void>;

export interface DecisionAnchor {
  readonly policyPin: RepositoryPin;
}

/** A check that takes policies from a repository: only its approved head and the approved steps before it. Throws `chain_broken`. */
export async function decisionsFromRepository(repoDir: string, anchor: DecisionAnchor): Promise<CheckDecision> {
  const { commit: head } = await approvedHead(repoDir, anchor.policyPin, { branch: "main", minThreshold: POLICY_MIN_THRESHOLD });
  const known = new Map<string, LoadedPolicy | undefined>();
  return async (record) => {
    const commit = policyCommitOf(record.claims.decision);
    if (!known.has(commit)) known.set(commit, await approvedPolicy(repoDir, anchor.policyPin, commit, head));
    runAgain(record, anchor.policyPin.rid, (asked) => (asked === commit ? known.get(commit) : undefined));
  };
}

async function approvedPolicy(repoDir: string, pin: RepositoryPin, commit: string, head: string): Promise<LoadedPolicy | undefined> {
  if (!(await isApprovedStep(repoDir, pin, commit, { branch: "main", head, minThreshold: POLICY_MIN_THRESHOLD }))) return undefined;
  return loadPolicy(await readTreeFiles(repoDir, commit, { maxBytes: MAX_POLICY_BYTES }));
}

/** The policy files of a receipt: that they are the approved ones is what its reader has to know from elsewhere. */
export function decisionFromFiles(record: AuditRecord, files: PolicyFiles): void {
  const commit = policyCommitOf(record.claims.decision);
  const policy = loadPolicy(files);
  const [, policyRid = ""] = record.claims.aud.split("/");
  runAgain(record, policyRid, (asked) => (asked === commit ? policy : undefined));
}

// That the record is for the right workspace is checked by whoever verifies the record; the decision has to agree with it.
function runAgain(record: AuditRecord, policyRid: string, policyAt: (commit: string) => LoadedPolicy | undefined): void {
  const audience = { workspace: record.claims.aud.split("/")[0] ?? "", policyRid };
  const verified = verifyDecision({ compact: record.claims.decision, audience, policyAt });
  if (verified.kind !== record.claims.basis)
    throw new TriplaneError("chain_broken", `the record says ${record.claims.basis}, the decision is a ${verified.kind}`);
}
