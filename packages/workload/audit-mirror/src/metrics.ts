// What the mirror measures.
import type { CounterMetric, GaugeMetric, HistogramMetric, Metrics } from "@triplane/kit";

export interface MirrorMetrics {
  readonly records: CounterMetric;
  readonly commitSeconds: HistogramMetric;
  readonly recordSeconds: HistogramMetric;
  readonly pending: GaugeMetric;
  readonly oldestPending: GaugeMetric;
  readonly size: GaugeMetric;
  readonly checkpointTime: GaugeMetric;
  readonly alarms: CounterMetric;
  readonly announcements: CounterMetric;
}

export function mirrorMetrics(metrics: Metrics): MirrorMetrics {
  return {
    records: metrics.counter("mirror_records_total"),
    commitSeconds: metrics.histogram("mirror_commit_seconds"),
    recordSeconds: metrics.histogram("mirror_record_seconds"),
    pending: metrics.gauge("mirror_pending_messages"),
    oldestPending: metrics.gauge("mirror_oldest_pending_seconds"),
    size: metrics.gauge("mirror_ledger_records"),
    checkpointTime: metrics.gauge("mirror_checkpoint_time_seconds"),
    alarms: metrics.counter("mirror_alarms_total"),
    announcements: metrics.counter("mirror_announcements_total"),
  };
}
