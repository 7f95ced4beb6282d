// The one list of metrics, and who has which.
import { DESIRED_SYNC_METRICS, EVERY_DAEMON_METRICS, KEEPER_METRICS, VALIDATOR_METRICS } from "./daemons.ts";
import type { MetricTable, MetricType } from "./definition.ts";
import { CONTROLLER_METRICS, MIRROR_METRICS, ORCHESTRATOR_METRICS, REGISTRY_METRICS, VM_POOL_METRICS } from "./workload.ts";

export type { MetricDefinition, MetricTable, MetricType } from "./definition.ts";

/** Stands before every name on a page that Prometheus scrapes. */
export const METRIC_PREFIX = "triplane_";

/** Names without the prefix. */
export const METRICS = {
  ...EVERY_DAEMON_METRICS,
  ...KEEPER_METRICS,
  ...DESIRED_SYNC_METRICS,
  ...CONTROLLER_METRICS,
  ...ORCHESTRATOR_METRICS,
  ...VM_POOL_METRICS,
  ...MIRROR_METRICS,
  ...REGISTRY_METRICS,
  ...VALIDATOR_METRICS,
} as const satisfies MetricTable;

export type MetricName<T extends MetricType = MetricType> = {
  [N in keyof typeof METRICS]: (typeof METRICS)[N]["type"] extends T ? N : never;
}[keyof typeof METRICS];

/** Daemons by the value of the label `daemon`, with what each has beside the metrics of every daemon. */
export const METRICS_OF = {
  keeper: KEEPER_METRICS,
  "ops-controller": CONTROLLER_METRICS,
  orchestrator: { ...ORCHESTRATOR_METRICS, ...VM_POOL_METRICS },
  "audit-mirror": MIRROR_METRICS,
  "desired-sync": DESIRED_SYNC_METRICS,
  "registry-gateway": REGISTRY_METRICS,
  validator: VALIDATOR_METRICS,
} as const satisfies Readonly<Record<string, MetricTable>>;
export type MeasuredDaemon = keyof typeof METRICS_OF;
export const MEASURED_DAEMONS = Object.keys(METRICS_OF) as readonly MeasuredDaemon[];

export { EVERY_DAEMON_METRICS, VM_POOL_METRICS };
