// What has gone wrong in other systems that govern operations or carry what must not be lost, and what is done about it here.
// A test says `pitfall N:` (or `pitfalls N and M:`) in its title; what the number means is said here, once.

export interface Pitfall {
  readonly name: string;
  /** What this system does instead. */
  readonly rule: string;
  /** Where no test guards it: why not. */
  readonly untested?: string;
}

export const PITFALLS: Readonly<Record<number, Pitfall>> = {
  1: {
    name: "an ack that is not on disk: JetStream syncs every two minutes unless told otherwise",
    rule: "`sync_interval: always`, read back from the server before anything is sent",
  },
  2: {
    name: "synced is not enough: damaged blocks, lost snapshots and split brains lose what was acknowledged",
    rule: "the stream is never the record; a submitter keeps an op until it holds the outcome, and sending again is harmless",
  },
  3: { name: "versions whose syncing had gaps", rule: "a minimum version of the server, checked before anything else is said to it" },
  4: {
    name: "the window in which a broker knows a message again is two minutes, and ends with a restart",
    rule: "one row for a jti, for ever",
  },
  5: {
    name: "acked before it was passed on; audit sent without waiting",
    rule: "persist, apply, persist with an outbox row, publish, mark; a crash at every arrow",
  },
  6: {
    name: "a message that always fails stays invisible in the queue",
    rule: "attempts are counted here; at the limit it is evidence, taken off, and an alarm",
  },
  7: { name: "a full queue drops what nobody has read", rule: "`discard: new`, no age, no purge" },
  8: {
    name: "a message held un-acked while a person thinks",
    rule: "what waits for people is stored and acked; an approval is a new message",
  },
  9: {
    name: "a database that is not safe in a crash, or remembers only in memory",
    rule: "one engine, synced at every commit; a proof by kill at the first start",
  },
  10: { name: "a failed sync that is swallowed", rule: "a commit of unknown outcome ends the process; the next one reads what is there" },
  11: { name: "applied, and crashed before it was written down", rule: "intent first, then ask the orchestrator before trying again" },
  12: { name: "a cancel that lies", rule: "an op is withdrawn while it waits, by its issuer, or not at all" },
  13: {
    name: "the algorithm is what the attacker's header says",
    rule: "one algorithm, one type for each kind of object, keys from the policy alone",
  },
  14: { name: "JSON that two readers read in two ways", rule: "a strict reader, and digests over the exact bytes" },
  15: { name: "a signature taken for an identity", rule: "identity is jti and digest; one verifier, which refuses every second form" },
  16: { name: "replay in another workspace", rule: "the audience names the workspace and its policy repository" },
  17: { name: "clocks that disagree", rule: "a bounded skew both ways, a longest life, and the decision's time in the decision" },
  18: { name: "gaps and forks in numbers", rule: "a gap names the number expected; a fork is an alarm" },
  19: { name: "thresholds that count keys or signatures", rule: "distinct people count, and at least one" },
  20: { name: "a whole quorum exchanged at once", rule: "a new set of delegates needs the votes of the old one" },
  21: {
    name: "an older policy, or one that nobody verified, put back in force",
    rule: "the highest accepted commit is remembered; every step to it is verified",
  },
  22: { name: "an approval of a name, whose content changes", rule: "an approval names digests" },
  23: {
    name: "several ways to approve, of which the weakest counts",
    rule: "all matching rules are to be met; the weakest way is printed",
  },
  24: { name: "approving one's own op by a side door", rule: "one function decides, whoever asks" },
  25: { name: "a robot that approves for people", rule: "agents and automations never count" },
  26: { name: "signing what a page shows", rule: "the reviewer's own program renders the signed bytes under the policy that it verified" },
  27: {
    name: "people who approve everything",
    rule: "rules sign what is routine, so that people are asked seldom",
    untested: "it is about people; how often somebody approves is not measured yet",
  },
  28: { name: "a switch, or a missing part, that lets everything through", rule: "what is missing means refusal" },
  29: { name: "a refusal without a reason", rule: "rule, failing fact and nearest allowed variant, signed" },
  30: { name: "secrets in a ledger that cannot forget", rule: "credentials are not signed into ops; settings name a secret" },
  31: {
    name: "an agent that finds a token and walks around the gate",
    rule: "a token for every caller, with its own scopes; only the controller's may apply",
  },
  32: { name: "a chain of hashes that somebody cuts off or makes anew", rule: "signed checkpoints that a verifier keeps" },
  33: { name: "signed refs replayed or downgraded", rule: "each names its root and its parent, or is refused" },
  34: { name: "delegates who disagree", rule: "what has no quorum is not in force, and what was stays" },
  35: { name: "retired keys that write another past", rule: "a revision that was accepted stays in the history" },
  36: { name: "a git process for every op", rule: "batches, objects written in the process" },
  37: { name: "an audit trail with an end, or of some events only", rule: "kept for ever, refusals too" },
  38: { name: "two seeds that show two pasts", rule: "a checkpoint from elsewhere is held against the ledger" },
};
