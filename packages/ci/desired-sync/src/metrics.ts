// What desired-sync measures.
import type { CounterMetric, GaugeMetric, Metrics } from "@triplane/kit";

export interface SyncMetrics {
  readonly looks: CounterMetric;
  readonly lastLook: GaugeMetric;
  readonly ops: CounterMetric;
  readonly openOp: GaugeMetric;
  readonly unsettled: GaugeMetric;
}

export function syncMetrics(metrics: Metrics): SyncMetrics {
  return {
    looks: metrics.counter("desired_sync_looks_total"),
    lastLook: metrics.gauge("desired_sync_last_look_time_seconds"),
    ops: metrics.counter("desired_sync_ops_total"),
    openOp: metrics.gauge("desired_sync_open_op"),
    unsettled: metrics.gauge("desired_sync_unsettled_ops"),
  };
}
