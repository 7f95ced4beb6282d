// The approved head of a policy repository, counted by the people whom the policy itself lists.
//
// 1. Keys count for the operators who hold them in the policy that was accepted last: two keys of one person are one vote, and a key
//    of nobody (a CI's, a machine's) is none, whatever the repository's identity document says.
// 2. What was accepted stays where the newer commits have too few such votes.
// 3. Nothing is believed for a second time without a look: where everybody's signed refs are as they were, the answer is the one before.
import { isDeepStrictEqual } from "node:util";
import { type Did, TriplaneError } from "@triplane/contract";
import { loadPolicy, type Policy } from "@triplane/policy";
import { type ApprovedHeadOptions, approvedHead, type KeyHolders } from "./radicle/approved-head.ts";
import { namespaceTips } from "./radicle/namespaces.ts";
import { gitDirOf } from "./radicle/storage.ts";
import { readTreeFiles } from "./tree-files.ts";
import type { ApprovedHead, RepositoryPin } from "./types.ts";

const MAX_POLICY_BYTES = 4 * 1024 * 1024;

export interface PolicyHeadOptions extends Pick<ApprovedHeadOptions, "branch" | "minThreshold"> {
  /** What was accepted last: the head may not go behind it, nor the identity's history lose its revision. */
  readonly last?: { readonly commit: string; readonly identityRevision: string } | undefined;
}

export type PolicyHead = Pick<ApprovedHead, "commit" | "identityRevision">;

/** Throws what `approvedHead` throws, and what an unsound policy raises. */
export async function approvedPolicyHead(
  repoDir: string,
  pin: RepositoryPin,
  { last, ...options }: PolicyHeadOptions,
): Promise<PolicyHead> {
  const known = { ...options, lastAccepted: last?.commit, knownRevision: last?.identityRevision };
  const byKeys = await approvedHead(repoDir, pin, known);
  if (byKeys.commit === last?.commit) return byKeys;
  const { policy } = loadPolicy(await readTreeFiles(repoDir, last?.commit ?? byKeys.commit, { maxBytes: MAX_POLICY_BYTES }));
  try {
    return await approvedHead(repoDir, pin, { ...known, people: operatorKeys(policy) });
  } catch (thrown) {
    const isOpen = thrown instanceof TriplaneError && (thrown.code === "quorum_not_reached" || thrown.code === "policy_rollback");
    if (last === undefined || !isOpen) throw thrown;
    return { commit: last.commit, identityRevision: byKeys.identityRevision };
  }
}

/** `approvedPolicyHead` for whoever asks every few seconds. Verifies again when somebody signed, or when something else was accepted meanwhile. */
export function policyHeadReader(
  repoDir: string,
  pin: RepositoryPin,
  options: Omit<PolicyHeadOptions, "last">,
): (last: PolicyHeadOptions["last"]) => Promise<PolicyHead> {
  let known: { readonly tips: string; readonly head: PolicyHead } | undefined;
  return async (last) => {
    const tips = JSON.stringify([...(await namespaceTips(await gitDirOf(repoDir)))].sort());
    if (known?.tips === tips && isDeepStrictEqual(last, known.head)) return known.head;
    const { commit, identityRevision } = await approvedPolicyHead(repoDir, pin, { ...options, last });
    known = { tips, head: { commit, identityRevision } };
    return known.head;
  };
}

/** The keys of the people of a policy. */
export function operatorKeys(policy: Policy): KeyHolders {
  return new Map(policy.operators.flatMap(({ principal, keys }) => keys.map((key): [Did, string] => [key, principal])));
}
