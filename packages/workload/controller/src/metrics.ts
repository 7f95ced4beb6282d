// What the controller measures.
import type { CounterMetric, GaugeMetric, HistogramMetric, Metrics } from "@triplane/kit";

export interface ControllerMetrics {
  readonly ops: CounterMetric;
  readonly messages: CounterMetric;
  readonly alarms: CounterMetric;
  readonly applySeconds: HistogramMetric;
  readonly outboxDepth: GaugeMetric;
  readonly queueDepth: GaugeMetric;
  readonly active: GaugeMetric;
}

const APPLY_BUCKETS_S = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function controllerMetrics(metrics: Metrics): ControllerMetrics {
  return {
    ops: metrics.counter("controller_ops_total", "Ops that ended, by outcome.", ["outcome"]),
    messages: metrics.counter("controller_messages_total", "Messages of the command stream, by what became of them.", ["verdict"]),
    alarms: metrics.counter(
      "controller_alarms_total",
      "Alarms raised, by code; also those that were not sent because there were too many.",
      ["code"],
    ),
    applySeconds: metrics.histogram(
      "controller_apply_seconds",
      "From the first call to the orchestrator to the op's result.",
      APPLY_BUCKETS_S,
    ),
    outboxDepth: metrics.gauge("controller_outbox_depth", "Records and alarms that wait for the broker's confirmation."),
    queueDepth: metrics.gauge("controller_queue_depth", "Accepted ops that have not ended."),
    active: metrics.gauge("controller_active", "1 where this process holds the lease, 0 on a standby."),
  };
}
