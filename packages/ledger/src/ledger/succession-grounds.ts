// Whether the policy stands behind a succession: M of N approved that this key is the ops-controller's.
import { type Did, type PolicyRef, TriplaneError } from "@triplane/contract";
import { loadPolicy } from "@triplane/policy";
import { isApprovedStep } from "../radicle/approved-step.ts";
import { readTreeFiles } from "../tree-files.ts";
import type { DecisionSource } from "./batch-job.ts";

const MAX_POLICY_BYTES = 4 * 1024 * 1024;

/** Throws `ledger_chain_broken` where the policy that is named was not approved, or names another key. */
export async function assertGrounds(source: DecisionSource, to: Did, policy: PolicyRef): Promise<void> {
  const { repoDir, pin, head, minThreshold } = source;
  const wrong = (why: string) => new TriplaneError("ledger_chain_broken", `the ledger was handed over to ${to}, and ${why}`);
  if (policy.rid !== pin.rid) throw wrong(`its grounds are the policy of another repository, ${policy.rid}`);
  if (!(await isApprovedStep(repoDir, pin, policy.commit, { branch: "main", head, minThreshold })))
    throw wrong(`the policy ${policy.commit} that is to allow it was not approved`);
  const loaded = loadPolicy(await readTreeFiles(repoDir, policy.commit, { maxBytes: MAX_POLICY_BYTES }));
  if (loaded.digest !== policy.digest) throw wrong(`the policy ${policy.commit} does not have the digest that it names`);
  if (loaded.policy.pins.controller !== to)
    throw wrong(`the policy ${policy.commit} names ${loaded.policy.pins.controller} as the ops-controller`);
}
