// What the keeper measures.
import type { CounterMetric, GaugeMetric, HistogramMetric, Metrics } from "@triplane/kit";

export interface KeeperMetrics {
  readonly decisions: CounterMetric;
  readonly intakeSeconds: HistogramMetric;
  readonly openReviews: GaugeMetric;
  readonly policyAge: GaugeMetric;
  readonly policyContactAge: GaugeMetric;
}

const INTAKE_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300];

export function keeperMetrics(metrics: Metrics): KeeperMetrics {
  return {
    decisions: metrics.counter("keeper_decisions_total", "Pending messages and reviews worked off, by verdict.", ["verdict"]),
    intakeSeconds: metrics.histogram("keeper_intake_seconds", "From storage of a pending op to its confirmed output.", INTAKE_BUCKETS_S),
    openReviews: metrics.gauge("keeper_open_reviews", "Ops that wait for people."),
    policyAge: metrics.gauge("keeper_policy_age_seconds", "Since the policy repository was last verified."),
    policyContactAge: metrics.gauge(
      "keeper_policy_contact_age_seconds",
      "Since the source of the policy was last reached; limits.max_policy_age_s is its bound.",
    ),
  };
}
