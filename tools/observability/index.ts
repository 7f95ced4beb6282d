// Every file of deploy/observability that is made from the list of metrics.
import { dashboardFiles, dashboardProvider, datasources } from "./grafana.ts";
import { lokiConfig, vectorConfig } from "./logs.ts";
import { alertRules, alertTests, prometheusConfig } from "./prometheus.ts";

export const FOLDER = "deploy/observability";

export function observabilityFiles(): readonly { readonly path: string; readonly content: string }[] {
  const files: Readonly<Record<string, string>> = {
    "prometheus/prometheus.yml": prometheusConfig(),
    "prometheus/rules.yml": alertRules(),
    "prometheus/rules-test.yml": alertTests(),
    "loki/loki.yml": lokiConfig(),
    "vector/vector.yml": vectorConfig(),
    "grafana/provisioning/datasources/triplane.yml": datasources(),
    "grafana/provisioning/dashboards/triplane.yml": dashboardProvider(),
    ...Object.fromEntries(Object.entries(dashboardFiles()).map(([name, content]) => [`grafana/dashboards/${name}`, content])),
  };
  return Object.entries(files).map(([name, content]) => ({ path: `${FOLDER}/${name}`, content }));
}
