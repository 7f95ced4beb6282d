// Failures of an op on its way: sequence, admission, chain, apply.
import { failureEntries } from "./entry.ts";

export const FLOW_FAILURES = failureEntries({
  workspace_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The workspace name is not valid.",
    hint: "Use 1 to 32 lower-case letters, digits and inner hyphens.",
  },
  sequence_gap: {
    httpStatus: 409,
    retry: "resubmit",
    what: "The op's sequence number is not the next one of its key.",
    hint: "Sign again with the expected number; `triplane op submit` does so by itself.",
  },
  sequence_fork: {
    httpStatus: 409,
    retry: "no",
    what: "A key signed two different ops with one sequence number.",
    hint: "Treat the key as copied: find out who else signs with it, then rotate it.",
  },
  jti_reused: {
    httpStatus: 409,
    retry: "resubmit",
    what: "Another op already has this jti.",
    hint: "Sign again; a new jti is made for every op.",
  },
  policy_denied: {
    httpStatus: 403,
    retry: "no",
    what: "A rule of the policy denies the op.",
    hint: "`triplane policy explain` shows the rule, the failing fact and the nearest allowed variant.",
  },
  scope_exceeded: {
    httpStatus: 403,
    retry: "no",
    what: "The op is outside the scope that its issuer was granted.",
    hint: "Stay inside the grant, or ask somebody who holds the scope.",
  },
  kind_unknown: {
    httpStatus: 400,
    retry: "no",
    what: "No such kind of op is registered.",
    hint: "See docs/reference/op-kinds.md for the kinds.",
  },
  args_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The op's arguments do not have the shape that its kind demands.",
    hint: "See docs/reference/op-kinds.md for the arguments of each kind.",
  },
  approval_not_accepted: {
    httpStatus: 403,
    retry: "no",
    what: "The approval does not count: it does not match the op, its plan, its policy or its state version, or its signer may not approve.",
    hint: "Show the op again with `triplane keeper show` and approve what it shows now.",
  },
  review_not_found: {
    httpStatus: 404,
    retry: "no",
    what: "No op with this jti waits in review.",
    hint: "`triplane keeper list` shows what waits.",
  },
  review_rejected: {
    httpStatus: 403,
    retry: "no",
    what: "A reviewer rejected the op.",
    hint: "Read the reviewer's comment in the receipt.",
  },
  review_expired: {
    httpStatus: 403,
    retry: "resubmit",
    what: "The op expired while it waited for approval.",
    hint: "Sign and submit it again.",
  },
  op_withdrawn: {
    httpStatus: 409,
    retry: "no",
    what: "The issuer withdrew the op before it was admitted.",
    hint: "Submit a new op if it is wanted after all.",
  },
  cancel_too_late: {
    httpStatus: 409,
    retry: "no",
    what: "The op was already admitted and can no longer be withdrawn.",
    hint: "Submit an op that undoes it.",
  },
  chain_broken: {
    httpStatus: 403,
    retry: "no",
    what: "A message on the command stream does not prove its own admission.",
    hint: "Somebody wrote to the stream without the keeper's key: look at the alarm and at who holds that credential.",
  },
  fencing_stale: {
    httpStatus: 409,
    retry: "no",
    what: "The caller's fencing number is older than one already seen.",
    hint: "Another controller took over; stop this one.",
  },
  version_conflict: {
    httpStatus: 409,
    retry: "resubmit",
    what: "The target is at another version than the op expected.",
    hint: "Plan again against the present state.",
  },
  plan_changed: {
    httpStatus: 409,
    retry: "resubmit",
    what: "Applying would do something else than the plan that was signed.",
    hint: "Plan again and have the new plan approved.",
  },
  target_unknown: {
    httpStatus: 404,
    retry: "no",
    what: "No such target exists in the workspace.",
    hint: "`triplane status` lists the targets.",
  },
  outbox_damaged: {
    httpStatus: 500,
    retry: "no",
    what: "A file of the local outbox is not what was written there.",
    hint: "Restore it from a backup; or move it away and look in the ledger whether its op was applied before you submit a new one.",
  },
  op_unknown: {
    httpStatus: 404,
    retry: "no",
    what: "No op with this jti is known here.",
    hint: "Check the jti; `triplane op list` shows yours.",
  },
  apply_failed: {
    httpStatus: 502,
    retry: "resubmit",
    what: "The driver could not bring the target to the wanted state.",
    hint: "Read the evidence in the receipt and the component's log.",
  },
  poisoned: {
    httpStatus: 400,
    retry: "no",
    what: "A message failed too often and was taken off the stream.",
    hint: "Look at the stored copy and at the alarm.",
  },
  outcome_timeout: {
    httpStatus: 504,
    retry: "later",
    what: "No outcome arrived within the time allowed.",
    hint: "The op is still in the outbox; run `triplane op wait` again.",
  },
});
