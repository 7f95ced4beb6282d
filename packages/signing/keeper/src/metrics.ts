// What the keeper measures.
import type { CounterMetric, GaugeMetric, HistogramMetric, Metrics } from "@triplane/kit";

export interface KeeperMetrics {
  readonly decisions: CounterMetric;
  readonly intakeSeconds: HistogramMetric;
  readonly pending: GaugeMetric;
  readonly oldestPending: GaugeMetric;
  readonly openReviews: GaugeMetric;
  readonly oldestReview: GaugeMetric;
  readonly reviewSeconds: HistogramMetric;
  readonly alarms: CounterMetric;
  readonly policyInForce: GaugeMetric;
  readonly policyAge: GaugeMetric;
  readonly policyContactAge: GaugeMetric;
}

export function keeperMetrics(metrics: Metrics): KeeperMetrics {
  return {
    decisions: metrics.counter("keeper_decisions_total"),
    intakeSeconds: metrics.histogram("keeper_intake_seconds"),
    pending: metrics.gauge("keeper_pending_messages"),
    oldestPending: metrics.gauge("keeper_oldest_pending_seconds"),
    openReviews: metrics.gauge("keeper_open_reviews"),
    oldestReview: metrics.gauge("keeper_oldest_review_seconds"),
    reviewSeconds: metrics.histogram("keeper_review_seconds"),
    alarms: metrics.counter("keeper_alarms_total"),
    policyInForce: metrics.gauge("keeper_policy_in_force"),
    policyAge: metrics.gauge("keeper_policy_age_seconds"),
    policyContactAge: metrics.gauge("keeper_policy_contact_age_seconds"),
  };
}
