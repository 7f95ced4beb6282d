// Scene: an operator deploys a component; the policy lets it through without a person; the component answers.

import { admissionIn, brief, endpointsIn } from "../records.ts";
import type { Scene } from "../scene.ts";

export const deployScene: Scene = {
  id: "deploy",
  title: "An operator deploys a component, and no person is needed",
  claims: {
    "auto-signed": "the keeper admitted the op by an auto-sign rule, without approvals",
    applied: "the controller's signed record says that the op was applied",
    answers: "the component answers its health check over HTTP",
  },
  play: async (world, tell) => {
    const planned = await world.plan("ana", {
      op: "component.deploy",
      target: "web",
      args: { component: "web", settings: { title: "Governed" } },
    });
    const [action] = planned.plan.actions;
    tell.say("workload", `the orchestrator plans: ${action?.summary ?? ""} (${brief(planned.plan.digest)})`);
    const sent = await world.submit("ana", planned);
    tell.say("operator", `ana signs component.deploy web, seq ${sent.claims.seq}, together with that plan's digest`);
    const record = await world.outcome("ana", sent.entry.jti);
    const admission = admissionIn(record);
    tell.observe(
      "signing",
      "auto-signed",
      admission.basis === "auto" && admission.approvals.length === 0,
      `the keeper admitted it by rule ${admission.rule}, with ${admission.approvals.length} approvals`,
    );
    const { outcome, state_version_before: before = 0, state_version_after: after = 0 } = record.claims;
    tell.observe(
      "workload",
      "applied",
      outcome === "applied" && after === before + 1,
      `signed record: ${outcome}, web went from version ${before} to ${after}`,
    );
    const [endpoint = ""] = endpointsIn(record);
    const answer = await fetch(`${endpoint}/healthz`, { signal: AbortSignal.timeout(5_000) });
    tell.observe("workload", "answers", answer.status === 200, `GET ${endpoint}/healthz answers ${answer.status}`);
  },
};
