// The policy repository on disk, verified and read natively.
import { policyHeadReader, type RepositoryPin, readTreeFiles } from "@triplane/ledger";
import { loadPolicy } from "@triplane/policy";
import type { PolicySource } from "../ports.ts";

const POLICY_BRANCH = "main";
const MAX_POLICY_BYTES = 4 * 1024 * 1024;

/** `minThreshold`: fewest delegates whose signature a change of the policy may need. */
export function policyRepository(repoDir: string, pin: RepositoryPin, minThreshold: number): PolicySource {
  return {
    approvedHead: policyHeadReader(repoDir, pin, { branch: POLICY_BRANCH, minThreshold }),
    load: async (commit) => loadPolicy(await readTreeFiles(repoDir, commit, { maxBytes: MAX_POLICY_BYTES })),
  };
}
