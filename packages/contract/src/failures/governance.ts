// Failures of governing: proposals, approvals, delegates, and what is exchanged with other machines.
import { failureEntries } from "./entry.ts";

export const GOVERNANCE_FAILURES = failureEntries({
  proposal_unknown: {
    httpStatus: 404,
    retry: "no",
    what: "Nobody signed a proposal of that name, or two proposals begin with it.",
    hint: "`triplane governance status` lists the proposals; `triplane governance fetch` asks the remotes for new ones.",
  },
  proposal_outdated: {
    httpStatus: 409,
    retry: "no",
    what: "The proposal does not follow the approved head: it was made before something else was approved.",
    hint: "Its author proposes it again, on top of the approved head: `triplane governance propose`.",
  },
  proposal_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The proposal cannot be approved whatever people think of it: its files do not read, or its commits are not a plain line.",
    hint: "The message names the place; its author proposes a corrected one.",
  },
  proposal_differs: {
    httpStatus: 409,
    retry: "no",
    what: "The proposal is not the one whose digest was given.",
    hint: "Somebody shows you another proposal than the one that you read. Read it again before you sign.",
  },
  refs_diverged: {
    httpStatus: 403,
    retry: "no",
    what: "The signed refs of somebody neither follow nor precede those that were seen before.",
    hint: "A replay, a split view, or one key on two machines: ask the person, and compare the commit ids with others.",
  },
  remote_failed: {
    httpStatus: 502,
    retry: "later",
    what: "A remote could not be reached, or did not do what it was asked.",
    hint: "The message has what git said. The copy on this machine is unchanged.",
  },
  desired_outdated: {
    httpStatus: 409,
    retry: "no",
    what: "The commit of the desired state is older than the one that is applied.",
    hint: "Apply the approved head. To go back, propose the older content as a new commit: people approve it like any other.",
  },
  update_refused: {
    httpStatus: 403,
    retry: "no",
    what: "No rule of the policy lets an automation change the desired state like this.",
    hint: "The message says what is outside the rules (`image_updates`). People propose the change instead, or approve what waits first.",
  },
  policy_stale: {
    httpStatus: 503,
    retry: "later",
    what: "The source of the policy was not reached for longer than the policy allows.",
    hint: "Nothing is admitted until it answers again: check the remote that the keeper follows (limits.max_policy_age_s).",
  },
});
