// What every daemon measures of itself, and what each of the signing and CI planes measures.
import { type MetricTable, PATIENT_S, SHORT_S } from "./definition.ts";

export const EVERY_DAEMON_METRICS = {
  healthy: { type: "gauge", help: "1 where the daemon calls itself healthy on /healthz, else 0." },
  log_lines_total: { type: "counter", help: "Log lines of warnings and errors, written or not.", labels: { level: "warn, error" } },
  trace_spans_total: {
    type: "counter",
    help: "Spans of traces, by what became of them.",
    labels: { result: "sent, dropped" },
  },
} as const satisfies MetricTable;

export const KEEPER_METRICS = {
  keeper_decisions_total: {
    type: "counter",
    help: "Pending messages and reviews worked off, by verdict.",
    labels: { verdict: "admit, review, refuse, gap, fork, repeat, garbage, poisoned" },
  },
  keeper_intake_seconds: { type: "histogram", help: "From storage of a pending op to its confirmed output.", buckets: SHORT_S },
  keeper_pending_messages: { type: "gauge", help: "Messages of the pending stream that are not worked off." },
  keeper_oldest_pending_seconds: {
    type: "gauge",
    help: "Age of the oldest message of the pending stream that is not worked off; 0 without one.",
  },
  keeper_open_reviews: { type: "gauge", help: "Ops that wait for people." },
  keeper_oldest_review_seconds: {
    type: "gauge",
    help: "Since the oldest op that waits for people was signed (the time in its jti); 0 without one.",
  },
  keeper_review_seconds: {
    type: "histogram",
    help: "From the signing of an op (the time in its jti) to the end of its review.",
    labels: { verdict: "admit, refuse" },
    buckets: PATIENT_S,
  },
  keeper_alarms_total: { type: "counter", help: "Alarms raised.", labels: { code: "a code of docs/errors.md" } },
  keeper_policy_in_force: { type: "gauge", help: "1 where a policy is in force; at 0 nothing is taken in." },
  keeper_policy_age_seconds: { type: "gauge", help: "Since the policy repository was last verified." },
  keeper_policy_contact_age_seconds: {
    type: "gauge",
    help: "Since the source of the policy was last reached; limits.max_policy_age_s is its bound.",
  },
} as const satisfies MetricTable;

export const DESIRED_SYNC_METRICS = {
  desired_sync_looks_total: { type: "counter", help: "Looks at the desired state.", labels: { result: "done, failed" } },
  desired_sync_last_look_time_seconds: { type: "gauge", help: "Time of the last look that was done, seconds since 1970." },
  desired_sync_ops_total: { type: "counter", help: "Ops for an approved head.", labels: { result: "signed, applied, failed" } },
  desired_sync_open_op: { type: "gauge", help: "1 while an op for the approved head has no outcome." },
  desired_sync_unsettled_ops: { type: "gauge", help: "Ops in the outbox without an outcome." },
} as const satisfies MetricTable;

export const VALIDATOR_METRICS = {
  validation_check: {
    type: "gauge",
    help: "1 where a check held when it was made last, 0 where it did not or could not be looked at; none for what the system does not have.",
    labels: { validation: "a name of docs/reference/validation.md", check: "the check's id", invariant: "the invariant that it guards" },
  },
  validation_last_run_time_seconds: {
    type: "gauge",
    help: "Time of the last run of a validation, seconds since 1970.",
    labels: { validation: "a name of docs/reference/validation.md" },
  },
} as const satisfies MetricTable;
