// What the mirror measures.
import type { CounterMetric, GaugeMetric, HistogramMetric, Metrics } from "@triplane/kit";

export interface MirrorMetrics {
  readonly records: CounterMetric;
  readonly commitSeconds: HistogramMetric;
  readonly size: GaugeMetric;
  readonly checkpointTime: GaugeMetric;
  readonly announcements: CounterMetric;
}

const COMMIT_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

export function mirrorMetrics(metrics: Metrics): MirrorMetrics {
  return {
    records: metrics.counter("mirror_records_total", "Messages of the audit stream, by what became of them.", ["result"]),
    commitSeconds: metrics.histogram("mirror_commit_seconds", "Time to commit one batch durably.", COMMIT_BUCKETS_S),
    size: metrics.gauge("mirror_ledger_records", "Records in the ledger."),
    // A checkpoint that stops moving while ops are admitted is an alarm of its own (a frozen ledger).
    checkpointTime: metrics.gauge("mirror_checkpoint_time_seconds", "Time of the last checkpoint, seconds since 1970."),
    announcements: metrics.counter("mirror_announcements_total", "Announcements to the Radicle node, by what became of them.", ["result"]),
  };
}
