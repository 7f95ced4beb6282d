// One consumer of the command stream, one holder of the lease, one controller at work, and never an older one after a newer one.
import { CONSUMERS, streamNames } from "@triplane/contract";
import type { Evidence, Twice } from "../evidence.ts";
import type { Case } from "../report.ts";
import type { OrchestratorRows } from "../sources/orchestrator.ts";

export function checkSingleConsumer(evidence: Evidence, told: Case): void {
  const stream = streamNames(evidence.workspace).cmd;
  const bus = told.need(evidence.bus);
  if (bus !== undefined) {
    const consumers = bus.consumers.get(stream);
    if (consumers === undefined) told.cannot(`the stream ${stream} does not exist`);
    else {
      told.count("consumers", consumers.length);
      told.saw(`consumers of ${stream}, by the raw API: ${consumers.map(({ name }) => name).join(", ") || "none"}`);
      for (const { name, config } of consumers) {
        if (name !== CONSUMERS.cmd) told.violation({ what: `${stream} has the consumer ${name} besides ${CONSUMERS.cmd}`, stream });
        else if (config["deliver_subject"] !== undefined)
          told.violation({ what: `the consumer ${name} pushes to ${String(config["deliver_subject"])}`, stream });
      }
      const { lease } = bus;
      told.saw(lease === undefined ? "nobody ever held the lease" : `the lease is that of ${lease.owner}, revision ${lease.revision}`);
    }
    const config = bus.streams.get(stream)?.config;
    if (config !== undefined && config["retention"] !== "workqueue")
      told.violation({ what: `${stream} is kept by ${String(config["retention"])}, not as a work queue`, stream });
  }
  checkProcesses(evidence, told);
  const orchestrator = told.need(evidence.orchestrator);
  if (orchestrator !== undefined) checkFences(orchestrator, evidence, told);
}

function checkProcesses(evidence: Evidence, told: Case): void {
  const processes = told.need(evidence.processes);
  if (processes === undefined) return;
  const { controllers } = processes;
  told.count("processes", controllers.length);
  told.saw(
    `controllers that run: ${controllers.map(({ pid, role }) => `${pid}${role === undefined ? "" : ` (${role})`}`).join(", ") || "none"}`,
  );
  // Both ask the same address, so a second one that is at work without a health address of its own shows by the other signs.
  const working = controllers.filter(({ argv }) => !argv.includes("--standby"));
  const owner = evidence.bus.ok ? evidence.bus.value.lease?.owner : undefined;
  if (controllers.length > 1 && owner !== undefined && !controllers.some(({ pid }) => owner.endsWith(`/${pid}`)))
    told.inFlight(`${controllers.length} controllers run, and the lease is that of ${owner}, which is none of them`);
  if (
    working.length > 1 &&
    working.filter(({ peers }) => peers.some(({ remotePort }) => remotePort === evidence.ports?.orchestrator)).length > 1
  )
    told.violation({ what: `controllers ${working.map(({ pid }) => pid).join(" and ")} are both connected with the orchestrator` });
}

/** The fence of a target's changes never goes back, whichever controller made them. */
function checkFences({ early, late: rows }: Twice<OrchestratorRows>, evidence: Evidence, told: Case): void {
  const byTarget = Map.groupBy(
    [...rows.ops.values()].filter(({ before, after }) => after !== undefined && after > before),
    ({ target }) => target,
  );
  for (const [target, ops] of byTarget) {
    const inOrder = ops.toSorted((a, b) => (a.after ?? 0) - (b.after ?? 0));
    for (const [at, op] of inOrder.entries()) {
      const earlier = inOrder[at - 1];
      if (earlier !== undefined && op.fence < earlier.fence)
        told.violation({
          what: `${target} went to version ${op.after} under the fence ${op.fence} after ${earlier.fence} had made version ${earlier.after}`,
          jti: op.jti,
          target,
        });
    }
  }
  for (const { fence, jti, target } of early.ops.values())
    if (rows.fence !== undefined && fence > rows.fence)
      told.violation({
        what: `op ${jti} was applied under the fence ${fence}, and the orchestrator knows of none above ${rows.fence}`,
        jti,
        target,
      });
  const lease = evidence.bus.ok ? evidence.bus.value.lease : undefined;
  if (lease !== undefined && early.fence !== undefined && early.fence > lease.revision)
    told.violation({
      what: `the orchestrator saw the fence ${early.fence}, and the lease's bucket is at ${lease.revision}: its bucket started over`,
    });
  told.count("applied ops with a fence", rows.ops.size);
  told.saw(`fences of ${rows.ops.size} ops at the orchestrator, highest ${rows.fence ?? "none"}`);
}
