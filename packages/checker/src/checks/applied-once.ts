// Effects happened once, in order, each with a cause that was on disk before it; and nothing that was accepted is lost.
import type { Evidence, Twice } from "../evidence.ts";
import type { Case } from "../report.ts";
import type { ControllerRows } from "../sources/controller.ts";
import type { EffectLine } from "../sources/effects.ts";
import type { Ledger } from "../sources/ledger.ts";
import type { OrchestratorOp, OrchestratorRows } from "../sources/orchestrator.ts";
import { compareOrder } from "./order.ts";

export function checkAppliedOnce(evidence: Evidence, told: Case): void {
  const orchestrator = told.need(evidence.orchestrator);
  const controller = told.need(evidence.controller);
  const ledger = told.need(evidence.ledger);
  const effects = told.need(evidence.effects);
  if (orchestrator !== undefined) checkVersions(orchestrator, told);
  if (ledger !== undefined) checkLedgerVersions(ledger, told);
  if (orchestrator !== undefined && controller !== undefined) {
    checkCauses(orchestrator, controller.late, told);
    checkOutcomes(controller.early, orchestrator.late, told);
    checkOrder(orchestrator.late, controller.late, told);
  }
  if (controller !== undefined) checkAccepted(controller.late, told);
  if (effects !== undefined) checkEffects(effects, orchestrator?.late, told);
}

function changedOwnTarget({ before, after }: OrchestratorOp): boolean {
  return after !== undefined && after > before;
}

/** Every version of a target was made by one op, and none is missing. */
function checkVersions({ early, late: rows }: Twice<OrchestratorRows>, told: Case): void {
  const made = new Map<string, Map<number, OrchestratorOp>>();
  const broad = new Map<string, number>();
  for (const op of rows.ops.values()) {
    if (op.id !== op.jti) told.violation({ what: `the orchestrator's row ${op.id} is about ${op.jti}`, jti: op.jti, row: `ops/${op.id}` });
    for (const target of new Set(op.changes))
      if (target !== op.target && op.after !== undefined) broad.set(target, (broad.get(target) ?? 0) + 1);
    if (!changedOwnTarget(op)) continue;
    const versions = made.get(op.target) ?? new Map<number, OrchestratorOp>();
    made.set(op.target, versions);
    const earlier = versions.get(op.after ?? 0);
    if (earlier !== undefined)
      told.violation({
        what: `ops ${earlier.jti} and ${op.jti} both made version ${op.after} of ${op.target}`,
        jti: op.jti,
        target: op.target,
      });
    versions.set(op.after ?? 0, op);
    if (op.after !== op.before + 1)
      told.violation({ what: `op ${op.jti} took ${op.target} from version ${op.before} to ${op.after}`, jti: op.jti, target: op.target });
  }
  for (const [target, version] of rows.targets) {
    const versions = made.get(target) ?? new Map<number, OrchestratorOp>();
    const missing = Array.from({ length: version }, (_, at) => at + 1).filter((each) => !versions.has(each));
    // An op on all targets says which ones it was to change, and not which of them it had to.
    const explained = broad.get(target) ?? 0;
    if (missing.length > explained)
      told.violation({
        what: `${target} is at version ${version}, and ${explained === 0 ? "no op" : `only ${explained} ops on all targets`} can have made version ${missing.join(", ")}`,
        target,
      });
  }
  // Targets are read before ops: only ops that were there the first time must have left their mark the second time.
  for (const op of early.ops.values()) {
    if (changedOwnTarget(op) && (rows.targets.get(op.target) ?? 0) < (op.after ?? 0))
      told.violation({
        what: `op ${op.jti} brought ${op.target} to version ${op.after}, and the orchestrator has it at ${rows.targets.get(op.target) ?? "none"}`,
        jti: op.jti,
        target: op.target,
      });
  }
  checkEvents(rows, told);
  told.count("targets", rows.targets.size);
  told.count("ops at the orchestrator", rows.ops.size);
  told.saw(`versions of ${rows.targets.size} targets against ${rows.ops.size} ops at the orchestrator; ${rows.from}`);
}

function checkEvents(rows: OrchestratorRows, told: Case): void {
  const seen = new Map<string, string>();
  const byOp = new Map<string, number>();
  for (const { target, version, jti } of rows.changed) {
    const earlier = seen.get(`${target} ${version}`);
    if (earlier !== undefined)
      told.violation({ what: `two events say that ${target} came to version ${version}: ${earlier} and ${jti}`, jti, target });
    seen.set(`${target} ${version}`, jti);
    const before = byOp.get(`${target} ${jti}`);
    if (before !== undefined)
      told.violation({ what: `op ${jti} changed ${target} twice, to version ${before} and to ${version}`, jti, target });
    byOp.set(`${target} ${jti}`, version);
  }
  told.count("change events", rows.changed.length);
}

function checkLedgerVersions(ledger: Ledger, told: Case): void {
  const reached = new Map<string, number>();
  for (const { index, target, versions, outcome, subject } of ledger.records) {
    if (target === undefined || versions === undefined || versions.after <= versions.before) continue;
    if (outcome !== "applied" && outcome !== "failed")
      told.violation({ what: `record ${index} says ${outcome}, and that ${target} changed`, recordIndex: index, jti: subject, target });
    const earlier = reached.get(`${target} ${versions.after}`);
    if (earlier !== undefined)
      told.violation({
        what: `records ${earlier} and ${index} both brought ${target} to version ${versions.after}`,
        recordIndex: index,
        jti: subject,
        target,
      });
    reached.set(`${target} ${versions.after}`, index);
  }
  told.count("changes in the ledger", reached.size);
}

/** An effect has a row of the controller that was there before it (write-ahead), for the same bytes. */
function checkCauses(orchestrator: Twice<OrchestratorRows>, rows: ControllerRows, told: Case): void {
  for (const op of orchestrator.early.ops.values()) {
    const row = rows.ops.get(op.jti);
    if (row === undefined)
      told.violation({
        what: `the orchestrator applied ${op.jti}, of which the controller has no row`,
        jti: op.jti,
        row: `ops/${op.jti}`,
        target: op.target,
      });
    else if (row.opDigest !== op.opDigest)
      told.violation({ what: `the orchestrator applied other bytes under ${op.jti} than the controller accepted`, jti: op.jti });
  }
}

/** What the controller says of an op is what the orchestrator did. */
function checkOutcomes(rows: ControllerRows, orchestrator: OrchestratorRows, told: Case): void {
  for (const row of rows.ops.values()) {
    const op = orchestrator.ops.get(row.id);
    if (row.state === "accepted") continue;
    told.count("ended ops", 1);
    const { outcome } = row;
    const versions = row.record?.versions;
    // Versions are the orchestrator's: it had answered for the op.
    if (op === undefined && versions !== undefined && outcome !== "applied")
      told.violation({
        what: `the controller recorded ${row.id} as ${outcome ?? "nothing"}, the orchestrator has no row of it any more`,
        jti: row.id,
        row: `ops/${row.id}`,
      });
    if (outcome === "applied" && op?.status !== "applied")
      told.violation({
        what: `the controller recorded ${row.id} as applied, the orchestrator ${op === undefined ? "never had it" : `says ${op.status}`}`,
        jti: row.id,
        row: `ops/${row.id}`,
      });
    if (outcome !== "applied" && op?.status === "applied")
      told.violation({
        what: `the orchestrator applied ${row.id}, and the controller recorded ${outcome ?? "nothing"}`,
        jti: row.id,
        row: `ops/${row.id}`,
      });
    if ((outcome === "refused" || outcome === "expired") && op !== undefined)
      told.violation({ what: `${row.id} was ${outcome}, and the orchestrator has it as ${op.status}`, jti: row.id, row: `ops/${row.id}` });
    if (op?.after !== undefined && versions !== undefined && (versions.before !== op.before || versions.after !== op.after))
      told.violation({
        what: `the record of ${row.id} says version ${versions.before} to ${versions.after}, the orchestrator ${op.before} to ${op.after}`,
        jti: row.id,
        target: op.target,
      });
  }
}

function checkOrder(orchestrator: OrchestratorRows, rows: ControllerRows, told: Case): void {
  const { outOfOrder, rebuilt } = compareOrder([...orchestrator.ops.values()].filter(changedOwnTarget), rows.ops);
  for (const { earlier, later } of outOfOrder)
    told.violation({
      what: `${later.op.jti} was accepted before ${earlier.op.jti} (position ${later.row.position} and ${earlier.row.position}), and changed ${later.op.target} after it`,
      jti: later.op.jti,
      target: later.op.target,
    });
  if (rebuilt > 0)
    told.saw(
      `${rebuilt} rows did not come from the stream (rebuilt from the ledger, or applied past the broker): their order is not compared`,
    );
}

function checkAccepted(rows: ControllerRows, told: Case): void {
  let waiting = 0;
  for (const { id, state, target, position } of rows.ops.values()) {
    if (state !== "accepted") continue;
    waiting += 1;
    told.inFlight(`op ${id} on ${target ?? "?"} is accepted at position ${position} and not ended`, { jti: id, row: `ops/${id}` });
  }
  told.count("accepted ops", rows.ops.size);
  told.saw(`${rows.ops.size} rows of the controller, ${waiting} of them not ended; ${rows.from}`);
}

function checkEffects(effects: readonly EffectLine[], orchestrator: OrchestratorRows | undefined, told: Case): void {
  const seen = new Map<string, number>();
  const undone: string[] = [];
  for (const { line, jti, target, action } of effects) {
    // What a start puts right without an op is no effect of one. Where it goes back to an older state, because the database that knew the
    // newer one was lost and rebuilt, it undoes what came after; the op that is then applied again has its effect once all the same.
    if (action === "restore" || jti === null) {
      for (const name of [...seen.keys()]) {
        if (!name.endsWith(` ${target}`) || name === `${jti} ${target}`) continue;
        seen.delete(name);
        undone.push(name);
      }
      continue;
    }
    told.count("effects in the driver's journal", 1);
    const earlier = seen.get(`${jti} ${target}`);
    if (earlier === undefined && undone.includes(`${jti} ${target}`))
      told.saw(`line ${line} has the effect of ${jti} on ${target} again, which a restored older state had undone`);
    if (earlier !== undefined)
      told.violation({ what: `the driver's journal has the effect of ${jti} on ${target} in lines ${earlier} and ${line}`, jti, target });
    seen.set(`${jti} ${target}`, line);
    if (orchestrator !== undefined && !orchestrator.ops.has(jti))
      told.violation({
        what: `line ${line} of the driver's journal is an effect of ${jti}, which the orchestrator does not know`,
        jti,
        target,
      });
  }
  told.saw(
    effects.length === 0
      ? "the journal of the file driver is empty: it was not used"
      : `${effects.length} lines in the journal of the file driver`,
  );
  for (const [target, count] of orchestrator?.replicas ?? []) {
    const wanted = orchestrator?.wanted.get(target) ?? 0;
    if (count > wanted) told.inFlight(`${target} has ${count} replicas recorded and wants ${wanted}`, { target });
  }
}
