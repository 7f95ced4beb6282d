// Failures of the ledger and governed repositories.
import { failureEntries } from "./entry.ts";

export const LEDGER_FAILURES = failureEntries({
  git_failed: { httpStatus: 500, retry: "later", what: "git failed.", hint: "The message has what git said." },
  radicle_refused: {
    httpStatus: 502,
    retry: "later",
    what: "A Radicle node refused a command.",
    hint: "The message has what the node said; `rad node logs` on its machine has more.",
  },
  identity_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The identity document or its history does not verify.",
    hint: "Do not trust this clone; fetch from another seed and compare.",
  },
  rid_mismatch: {
    httpStatus: 400,
    retry: "no",
    what: "The repository is not the one that was pinned.",
    hint: "Compare the RID and the identity root with the pin.",
  },
  sigrefs_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "Signed refs do not verify.",
    hint: "Do not trust this clone; fetch from another seed and compare.",
  },
  quorum_not_reached: {
    httpStatus: 403,
    retry: "later",
    what: "No commit has the approval of enough distinct delegates.",
    hint: "Ask the delegates who have not signed the new head yet.",
  },
  policy_rollback: {
    httpStatus: 403,
    retry: "no",
    what: "The approved head does not descend from the last accepted one.",
    hint: "Somebody moved a signed head backwards; ask the delegates.",
  },
  delegates_invalid: {
    httpStatus: 403,
    retry: "no",
    what: "The delegates are not the ones that are demanded here.",
    hint: "The state repository has exactly one delegate, the key of the ops-controller (state-repo-single-delegate).",
  },
  delegate_required: {
    httpStatus: 403,
    retry: "no",
    what: "Only a delegate of the repository has a vote there, and this key is none.",
    hint: "`triplane governance status` lists the delegates. If you became one since you last fetched: `triplane governance fetch`. Else a delegate adds your key with `triplane governance delegates add`.",
  },
  ledger_record_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "A record of the ledger does not verify.",
    hint: "The message names the record; compare with another clone.",
  },
  ledger_chain_broken: {
    httpStatus: 400,
    retry: "no",
    what: "The SHA-256 chain of the ledger does not hold.",
    hint: "The message names the first record that differs; compare with another clone.",
  },
  ledger_tree_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The Merkle tree or its checkpoint does not match the records.",
    hint: "Compare the checkpoint with another clone.",
  },
  ledger_sequence_gap: {
    httpStatus: 400,
    retry: "no",
    what: "The sequence numbers of a key are not contiguous in the ledger.",
    hint: "A record was left out: find who wrote the ledger at that time.",
  },
  ledger_locked: {
    httpStatus: 409,
    retry: "later",
    what: "Another process writes this ledger.",
    hint: "One audit-mirror writes a ledger at a time; the message names the process.",
  },
  succession_unapproved: {
    httpStatus: 403,
    retry: "later",
    what: "A new key wants to take the ledger over, and the approved policy does not name it as the ops-controller's.",
    hint: "Its records wait. Approve a policy whose pins.controller is the new key (docs/how-to/rotate-a-key.md), or start the ops-controller with the old one.",
  },
  receipt_invalid: { httpStatus: 400, retry: "no", what: "The receipt does not verify.", hint: "The message names the part that fails." },
});
