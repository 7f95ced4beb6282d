// What the daemons of the workload plane measure.
import { LONG_S, type MetricTable, PATIENT_S, SHORT_S } from "./definition.ts";

export const CONTROLLER_METRICS = {
  controller_ops_total: {
    type: "counter",
    help: "Ops that ended, by outcome.",
    labels: { outcome: "applied, failed, conflict, expired, refused" },
  },
  controller_op_seconds: {
    type: "histogram",
    help: "From the signing of an op (the time in its jti) to its result, people's time included.",
    labels: { outcome: "as of controller_ops_total" },
    buckets: PATIENT_S,
  },
  controller_messages_total: {
    type: "counter",
    help: "Messages of the command stream, by what became of them.",
    labels: { verdict: "accept, finish, receipt, later, or the code for which it was taken off" },
  },
  controller_alarms_total: {
    type: "counter",
    help: "Alarms raised, by code; also those that were not sent because there were too many.",
    labels: { code: "a code of docs/errors.md" },
  },
  controller_apply_seconds: { type: "histogram", help: "From the first call to the orchestrator to the op's result.", buckets: LONG_S },
  controller_pending_messages: { type: "gauge", help: "Messages of the command stream that are not taken in." },
  controller_oldest_pending_seconds: {
    type: "gauge",
    help: "Age of the oldest message of the command stream that is not taken in; 0 without one.",
  },
  controller_queue_depth: { type: "gauge", help: "Accepted ops that have not ended." },
  controller_oldest_op_seconds: {
    type: "gauge",
    help: "Since this process came to know the oldest accepted op that has not ended; 0 without one.",
  },
  controller_outbox_depth: { type: "gauge", help: "Records and alarms that wait for the broker's confirmation." },
  controller_active: { type: "gauge", help: "1 where this process holds the lease, 0 on a standby." },
} as const satisfies MetricTable;

export const ORCHESTRATOR_METRICS = {
  orchestrator_ops_total: {
    type: "counter",
    help: "Ops by kind and result.",
    labels: { kind: "a kind of op, or unknown", status: "applied, failed, conflict" },
  },
  orchestrator_apply_seconds: {
    type: "histogram",
    help: "Time from accepting an op to its result.",
    labels: { kind: "as of orchestrator_ops_total" },
    buckets: LONG_S,
  },
  orchestrator_revision: { type: "gauge", help: "Revision of the workspace." },
  orchestrator_targets: { type: "gauge", help: "Targets by health.", labels: { health: "healthy, unhealthy, starting, stopped, unknown" } },
} as const satisfies MetricTable;

export const VM_POOL_METRICS = {
  vm_pool_leases: { type: "gauge", help: "Leases that are not over, by state.", labels: { state: "creating, booting, ready, releasing" } },
  vm_pool_orphans: { type: "gauge", help: "Runners by label beside those of live leases, at the reaper's last pass; normally 0." },
  vm_pool_runners: { type: "gauge", help: "Runners by label, at the reaper's last pass." },
  vm_pool_spawn_seconds: {
    type: "histogram",
    help: "From the request to a runner that is ready.",
    buckets: [1, 2, 5, 10, 20, 30, 60, 90, 120, 180, 300, 600],
  },
  vm_pool_leases_ended_total: {
    type: "counter",
    help: "Leases that ended, by state and code.",
    labels: { state: "gone, failed", code: "why, or empty" },
  },
  vm_pool_cost_cents_total: {
    type: "counter",
    help: "What leases that ended have cost, in cents of the provider's currency before tax.",
    labels: { tenant: "whose lease it was" },
  },
  vm_pool_reaped_total: { type: "counter", help: "Runners that the reaper destroyed." },
  vm_pool_provider_failures_total: {
    type: "counter",
    help: "Calls of the provider that failed.",
    labels: { call: "which call", code: "a code of docs/errors.md" },
  },
} as const satisfies MetricTable;

export const MIRROR_METRICS = {
  mirror_records_total: {
    type: "counter",
    help: "Messages of the audit stream, by what became of them.",
    labels: { result: "committed, known, set_aside" },
  },
  mirror_commit_seconds: {
    type: "histogram",
    help: "Time to commit one batch durably.",
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
  },
  mirror_record_seconds: {
    type: "histogram",
    help: "From storage of a record in the audit stream to its commit in the ledger.",
    buckets: SHORT_S,
  },
  mirror_pending_messages: { type: "gauge", help: "Records of the audit stream that are not in the ledger." },
  mirror_oldest_pending_seconds: {
    type: "gauge",
    help: "Age of the oldest record of the audit stream that is not in the ledger; 0 without one.",
  },
  mirror_ledger_records: { type: "gauge", help: "Records in the ledger." },
  mirror_checkpoint_time_seconds: { type: "gauge", help: "Time of the last checkpoint, seconds since 1970." },
  mirror_alarms_total: { type: "counter", help: "Alarms raised.", labels: { code: "a code of docs/errors.md" } },
  mirror_announcements_total: {
    type: "counter",
    help: "Announcements to the Radicle node, by what became of them.",
    labels: { result: "announced, failed" },
  },
} as const satisfies MetricTable;

export const REGISTRY_METRICS = {
  registry_requests_total: {
    type: "counter",
    help: "Requests, by area and status.",
    labels: { area: "v2, sccache, document", status: "HTTP status" },
  },
  registry_sccache_total: { type: "counter", help: "Compiled objects.", labels: { outcome: "hit, miss, written" } },
  registry_tokens_total: { type: "counter", help: "Answers of the token endpoint.", labels: { outcome: "issued, refused" } },
  registry_crates_total: { type: "counter", help: "Crates.", labels: { what: "published, yanked, downloaded" } },
} as const satisfies MetricTable;
