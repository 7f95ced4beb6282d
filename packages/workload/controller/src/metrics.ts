// What the controller measures.
import type { CounterMetric, GaugeMetric, HistogramMetric, Metrics } from "@triplane/kit";

export interface ControllerMetrics {
  readonly ops: CounterMetric;
  readonly opSeconds: HistogramMetric;
  readonly messages: CounterMetric;
  readonly alarms: CounterMetric;
  readonly applySeconds: HistogramMetric;
  readonly pending: GaugeMetric;
  readonly oldestPending: GaugeMetric;
  readonly outboxDepth: GaugeMetric;
  readonly queueDepth: GaugeMetric;
  readonly oldestOp: GaugeMetric;
  readonly active: GaugeMetric;
}

export function controllerMetrics(metrics: Metrics): ControllerMetrics {
  return {
    ops: metrics.counter("controller_ops_total"),
    opSeconds: metrics.histogram("controller_op_seconds"),
    messages: metrics.counter("controller_messages_total"),
    alarms: metrics.counter("controller_alarms_total"),
    applySeconds: metrics.histogram("controller_apply_seconds"),
    pending: metrics.gauge("controller_pending_messages"),
    oldestPending: metrics.gauge("controller_oldest_pending_seconds"),
    outboxDepth: metrics.gauge("controller_outbox_depth"),
    queueDepth: metrics.gauge("controller_queue_depth"),
    oldestOp: metrics.gauge("controller_oldest_op_seconds"),
    active: metrics.gauge("controller_active"),
  };
}
