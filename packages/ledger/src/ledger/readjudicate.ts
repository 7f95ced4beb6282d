// Every decision of a ledger made again, each under the policy commit that it names.
import { type AuditRecord, TriplaneError, toTriplaneError } from "@triplane/contract";
import { type LoadedPolicy, loadPolicy, policyCommitOf, type Readjudicated, readjudicate } from "@triplane/policy";
import { approvedHead } from "../radicle/approved-head.ts";
import { isApprovedStep } from "../radicle/approved-step.ts";
import { readTreeFiles } from "../tree-files.ts";
import type { RepositoryPin } from "../types.ts";
import { readLedger } from "./read.ts";
import type { DecisionsFrom } from "./verify.ts";

const BRANCH = "main";
const MAX_POLICY_BYTES = 4 * 1024 * 1024;

export interface ReadjudicatedRecord extends Readjudicated {
  readonly index: number;
  readonly subject: string;
  /** The policy commit that the decision names; undefined where it names none. */
  readonly policyCommit: string | undefined;
}

/**
 * One finding for each record, oldest first. Needs signed refs: a storage repository or a mirror clone, of the policy as well.
 * Throws what the ledger or the policy repository is refused for as a whole; a decision that differs is a finding, not a failure.
 */
export async function* readjudicateLedger(
  repoDir: string,
  pin: RepositoryPin,
  policies: DecisionsFrom,
): AsyncGenerator<ReadjudicatedRecord> {
  const { commit: head } = await approvedHead(policies.repoDir, policies.pin, { branch: BRANCH, minThreshold: policies.minThreshold });
  const known = new Map<string, LoadedPolicy | TriplaneError>();
  for await (const { index, subject, record } of readLedger(repoDir, pin)) {
    const commit = commitNamedBy(record);
    if (commit !== undefined && !known.has(commit)) known.set(commit, await policyAt(policies, head, commit));
    const policy = commit === undefined ? undefined : known.get(commit);
    yield { index, subject, policyCommit: commit, ...again(record, policies.pin.rid, policy) };
  }
}

function commitNamedBy({ claims }: AuditRecord): string | undefined {
  try {
    return policyCommitOf(claims.decision);
  } catch {
    return undefined;
  }
}

async function policyAt(
  { repoDir, pin, minThreshold }: DecisionsFrom,
  head: string,
  commit: string,
): Promise<LoadedPolicy | TriplaneError> {
  try {
    if (!(await isApprovedStep(repoDir, pin, commit, { branch: BRANCH, head, minThreshold })))
      return new TriplaneError("chain_broken", `the policy commit ${commit} was not approved`);
    return loadPolicy(await readTreeFiles(repoDir, commit, { maxBytes: MAX_POLICY_BYTES }));
  } catch (thrown) {
    return toTriplaneError(thrown, "chain_broken");
  }
}

function again({ claims }: AuditRecord, policyRid: string, policy: LoadedPolicy | TriplaneError | undefined): Readjudicated {
  const loaded = policy instanceof TriplaneError ? undefined : policy;
  const audience = { workspace: claims.aud.split("/")[0] ?? "", policyRid };
  const made = readjudicate({ compact: claims.decision, audience, policyAt: () => loaded });
  return made.result === "differs" && policy instanceof TriplaneError ? { ...made, failure: policy } : made;
}
