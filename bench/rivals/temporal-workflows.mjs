// The workflow: run the effect once, then record it. Each step is an event in Temporal's history.
import { proxyActivities } from "@temporalio/workflow";

const { apply, record } = proxyActivities({ startToCloseTimeout: "1 minute" });

export async function op(payload) {
  const evidence = await apply(payload);
  await record(payload.jti, evidence);
  return evidence;
}
