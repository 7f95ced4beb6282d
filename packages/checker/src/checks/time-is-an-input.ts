// Decisions run again elsewhere in time give the same answer, and every one was made at a time at which its op was valid.
import type { Evidence } from "../evidence.ts";
import type { Case } from "../report.ts";

export function checkTime(evidence: Evidence, told: Case): void {
  const ledger = told.need(evidence.ledger);
  const policy = told.need(evidence.policy);
  const runs = told.need(evidence.reruns);
  for (const { decision, index, subject } of ledger?.records ?? []) {
    const op = decision?.op;
    if (decision === undefined || op === undefined || decision.kind !== "admission" || policy === undefined) continue;
    const evaluated = policy.evaluated.get(decision.policy.commit);
    if (evaluated === undefined || !evaluated.ok) {
      told.cannot(evaluated === undefined ? `the policy at ${decision.policy.commit} is not an approved one` : evaluated.why);
      continue;
    }
    const { clockSkewS, maxLifetimeS } = evaluated.value;
    // People may be asked for longer than an op lives; then it has to be valid when they first could see it (ADR-026).
    const at = decision.openSinceS ?? decision.decidedAtS;
    told.count("admissions", 1);
    const about = { recordIndex: index, jti: subject };
    if (at > decision.decidedAtS) told.violation({ what: `record ${index} was admitted before people could see its op`, ...about });
    if (op.expiresAtS <= at - clockSkewS)
      told.violation({ what: `record ${index} was taken in at ${at}, and its op expired at ${op.expiresAtS}`, ...about });
    if (Math.max(op.issuedAtS, op.notBeforeS ?? 0) > at + clockSkewS)
      told.violation({ what: `record ${index} was taken in at ${at}, before its op was valid`, ...about });
    if (op.expiresAtS - op.issuedAtS > maxLifetimeS)
      told.violation({ what: `the op of record ${index} lives longer than its policy allows`, ...about });
  }
  told.saw(`the times of ${ledger?.records.length ?? 0} decisions against the lifetime of their ops and the limits of their policies`);
  if (runs === undefined) return;
  for (const { timeZone, shiftedByDays, ok, decisionsRunAgain, size, exitCode } of runs) {
    told.saw(
      `triplane ledger verify --full in ${timeZone}, ${shiftedByDays} days ahead: exit code ${exitCode}, ${size} records, ${ok ? "ok" : "not ok"}`,
    );
    if (!ok || exitCode !== 0)
      told.violation({ what: `the decisions do not come out the same in ${timeZone}, ${shiftedByDays} days ahead` });
    if (!decisionsRunAgain) told.violation({ what: `the verifier did not run the decisions again in ${timeZone}` });
  }
  told.count("verifier runs", runs.length);
  checkSameAnswer(runs, told);
}

function checkSameAnswer(runs: readonly { readonly answer: string; readonly size: number }[], told: Case): void {
  const [first, ...others] = runs;
  // A ledger that grew between the runs is not the same question.
  const same = others.filter(({ size }) => size === first?.size);
  if (same.length < others.length)
    told.cannot("the ledger grew between two runs of the verifier, so their answers cannot be compared; ask again when it rests");
  if (same.some(({ answer }) => answer !== first?.answer))
    told.violation({ what: "the same ledger got two different answers at two times" });
}
