// The reference pages of metrics and alerts.
import { EVERY_DAEMON_METRICS, INVARIANTS, METRIC_PREFIX, METRICS_OF, type MetricDefinition, type MetricTable } from "@triplane/contract";
import { ALERTS, type Alert } from "./alerts.ts";

const row = (name: string, { type, help, labels = {} }: MetricDefinition): string => {
  const named = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`);
  return `| \`${METRIC_PREFIX}${name}\` | ${type} | ${help} | ${named.join("; ")} |`;
};

const table = (metrics: MetricTable): readonly string[] => [
  "| metric | type | what | labels |",
  "| --- | --- | --- | --- |",
  ...Object.entries(metrics).map(([name, definition]) => row(name, definition)),
  "",
];

export function metricsPage(): readonly string[] {
  return [
    "What the daemons export on `/metrics` of their health port (`--health-port`), in Prometheus' text format. The list is `packages/contract/src/metrics`: daemons register from it, and",
    "the dashboards, the alerts and this page are made from it, so that none of them can name a metric that no daemon has.",
    "",
    "Every metric has the label `daemon`, and `workspace` where the daemon serves one. Times are in seconds. Beside these, every daemon exports what Node says of its process (`process_*`, `nodejs_*`).",
    "",
    "## Every daemon",
    "",
    ...table(EVERY_DAEMON_METRICS),
    ...Object.entries(METRICS_OF).flatMap(([daemon, metrics]) => [`## ${daemon}`, "", ...table(metrics)]),
    "The metrics that begin with `triplane_vm_pool_` are there where the orchestrator has a provider of machines.",
  ];
}

export function alertsPage(): readonly string[] {
  return [
    "The alert rules of [deploy/observability](../../deploy/observability/README.md): what each means and what to do. `promtool test rules` runs each of them in our tests, on series on which it",
    "has to fire and on series on which it must not.",
    "",
    "**critical**: ops or their proof are at a standstill, or something happened that must not. **warning**: somebody should look today. **info**: good to know.",
    "",
    ...ALERTS.flatMap(section),
  ];
}

function section({ name, severity, holds, expr, means, todo, invariant }: Alert): readonly string[] {
  return [
    `## ${name}`,
    "",
    `${severity}, after ${holds}.${invariant === undefined ? "" : ` Invariant: \`${invariant}\`, ${INVARIANTS[invariant]}.`}`,
    "",
    means,
    "",
    `**What to do:** ${todo}`,
    "",
    "```promql",
    expr,
    "```",
    "",
  ];
}
