// Nothing in the ledger or the database lacks a cause: every signature, every digest, every key in the policy that was approved; and the ledger
// itself is whole: chain, tree, checkpoints, commits, signed head.
import type { Evidence } from "../evidence.ts";
import type { DecisionFacts, RecordFacts } from "../proof/record.ts";
import { controllerAt } from "../proof/succession.ts";
import type { Case, Violation } from "../report.ts";
import type { Ledger } from "../sources/ledger.ts";
import type { EvaluatedPolicy, PolicyHistory } from "../sources/policy.ts";
import { judgeBrokenGlass } from "./broken-glass.ts";

export function checkChain(evidence: Evidence, told: Case): void {
  const ledger = told.need(evidence.ledger);
  const policy = told.need(evidence.policy);
  const controller = told.need(evidence.controller);
  if (ledger !== undefined) {
    for (const { what, index, commit } of ledger.faults)
      told.violation({ what, ...(index === undefined ? {} : { recordIndex: index }), ...(commit === undefined ? {} : { commit }) });
    told.count("records", ledger.records.length);
    told.count("batches", ledger.commits);
    told.saw(
      `chain, Merkle tree, checkpoint, message and signature of ${ledger.commits} commits, and all files of the head ${ledger.head ?? "(none)"}`,
    );
    for (const record of ledger.records) {
      const about = { recordIndex: record.index, jti: record.subject, commit: record.commit };
      checkRecord(record, evidence, controllerAt(ledger.tenures, record.index), `record ${record.index}`, about, told);
      if (policy !== undefined && record.decision !== undefined)
        checkDecision(record.decision, policy, evidence, `record ${record.index}`, about, told);
    }
  }
  if (ledger !== undefined && policy !== undefined) checkGlass(ledger, policy, told);
  if (controller === undefined) return;
  for (const row of controller.late.ops.values()) {
    const about = { row: `ops/${row.id}`, jti: row.id };
    told.count("rows", 1);
    // What its record says is judged with the ledger, where it will be; until then here.
    for (const problem of row.problems) told.violation({ what: `row ${row.id}: ${problem}`, ...about });
    if (row.decision !== undefined && row.decision.opDigest !== row.opDigest)
      told.violation({ what: `row ${row.id} is about other bytes than its decision`, ...about });
    if (policy !== undefined && row.decision !== undefined && ledger?.bySubject.has(row.id) !== true)
      checkDecision(row.decision, policy, evidence, `row ${row.id}`, about, told);
  }
  told.count("messages that proved nothing", controller.late.rejected.size);
  told.saw(`${controller.late.rejected.size} messages were kept as evidence instead of believed`);
}

function checkGlass(ledger: Ledger, { evaluated }: PolicyHistory, told: Case): void {
  const known = [...evaluated].flatMap(([commit, read]) => (read.ok ? [[commit, read.value] as const] : []));
  const policies = new Map(known);
  const ratified = new Set(known.flatMap(([, policy]) => policy.ratified));
  const { uses, violations } = judgeBrokenGlass(ledger.records, (commit) => policies.get(commit), ratified);
  for (const { what, index, subject } of violations) told.violation({ what, recordIndex: index, jti: subject });
  told.count("ops that broke the glass", uses);
}

function checkRecord(
  record: RecordFacts,
  evidence: Evidence,
  controller: string | undefined,
  name: string,
  about: Omit<Violation, "what">,
  told: Case,
): void {
  for (const problem of record.problems) told.violation({ what: `${name}: ${problem}`, ...about });
  if (record.signer !== "" && record.signer !== controller)
    told.violation({ what: `${name} is signed by ${record.signer}, not by ${controller}, whose turn it was`, ...about });
  if (record.audience !== "" && record.audience !== evidence.audience)
    told.violation({ what: `${name} is for ${record.audience}, not for ${evidence.audience}`, ...about });
}

/** The decision names an approved policy, and that policy knows every key in it. */
function checkDecision(
  decision: DecisionFacts,
  history: PolicyHistory,
  evidence: Evidence,
  name: string,
  about: Omit<Violation, "what">,
  told: Case,
): void {
  const violated = (what: string): void => told.violation({ what: `${name}: ${what}`, ...about });
  const { commit, rid, digest } = decision.policy;
  if (rid !== evidence.pins.policy.rid) {
    violated(`its decision names the policy repository ${rid}`);
    return;
  }
  const policy = history.commits.get(commit);
  if (policy === undefined) {
    violated(`its decision names the policy commit ${commit}, which enough delegates never approved`);
    return;
  }
  if (policy.digest !== digest) violated(`its decision names the policy ${commit} with another digest than its files have`);
  if (decision.audience !== evidence.audience) violated(`its decision is for ${decision.audience}`);
  const evaluated = history.evaluated.get(commit);
  if (evaluated === undefined) {
    told.cannot(`the policy at ${commit} was not evaluated`);
    return;
  }
  if (!evaluated.ok) {
    told.cannot(evaluated.why);
    return;
  }
  told.count("decisions under their policy", 1);
  checkKeys(decision, evaluated.value, violated);
}

function checkKeys(decision: DecisionFacts, { signers }: EvaluatedPolicy, violated: (what: string) => void): void {
  const by = signers.get(decision.signer);
  const isBroken = decision.basis === "break_glass";
  const mayDecide = isBroken
    ? by?.role === "break_glass" && decision.op?.key === decision.signer
    : by?.role === "keeper" || (by?.role === "operator" && by.may.includes("Admit"));
  if (!mayDecide)
    violated(
      `its decision is signed by ${decision.signer}, who ${isBroken ? "holds no sealed key for it" : "is neither keeper nor may admit"} in that policy`,
    );
  const { op } = decision;
  const issuer = op === undefined ? undefined : signers.get(op.key);
  if (op !== undefined && (issuer === undefined || issuer.role === "keeper"))
    violated(`its op is signed by ${op.key}, whom that policy does not know`);
  if (isBroken !== (issuer?.role === "break_glass") && op !== undefined && decision.kind === "admission")
    violated(`its op is signed by ${op.key}, and ${isBroken ? "only a sealed key" : "no sealed key"} may sign what it lets through`);
  const people = new Set<string>();
  for (const { key, decision: word } of decision.approvals) {
    const person = signers.get(key);
    if (person === undefined) violated(`it counts an approval of ${key}, whom that policy does not know`);
    else if (word === "approve" && !(person.role === "operator" && person.may.includes("Approve")))
      violated(`it counts an approval of ${person.principal}, who may not approve`);
    else if (word === "approve" && issuer !== undefined && (person.principal === issuer.principal || person.principal === issuer.owner))
      violated(`it counts ${person.principal}'s approval of an op of their own`);
    if (person !== undefined) people.add(person.principal);
  }
  if (people.size < decision.approvals.length) violated("it counts two words of one person");
  if (isBroken && decision.approvals.length > 0) violated("it breaks the glass, and carries approvals");
  if (decision.basis === "approved" && people.size === 0) violated("it is approved, and carries no approval");
}
