// Builds PromQL out of names from the one list of metrics: a name that no daemon registers does not compile.
import { METRIC_PREFIX, type MetricName } from "@triplane/contract";

/** A metric's full name; of a histogram, the one of its buckets. */
export const m = (name: MetricName): string => `${METRIC_PREFIX}${name}`;

/** Every query looks at the workspaces that the dashboard's reader chose. */
const CHOSEN = 'workspace=~"$workspace"';

/** A metric of the chosen workspaces. `where`: further matchers. */
export const of = (name: MetricName, where = ""): string => `${m(name)}{${[CHOSEN, where].filter((part) => part !== "").join(",")}}`;

/** Of a counter, by some labels. */
export function rate(name: MetricName<"counter">, by: readonly string[], where = ""): string {
  return `sum by (${by.join(", ")}) (rate(${of(name, where)}[$__rate_interval]))`;
}

/** Of a histogram. */
export function quantile(q: number, name: MetricName<"histogram">, by: readonly string[] = []): string {
  const bucket = of(name).replace(m(name), `${m(name)}_bucket`);
  return `histogram_quantile(${q}, sum by (${["le", ...by].join(", ")}) (rate(${bucket}[$__rate_interval])))`;
}

/**
 * Whether a counter went up within a window. A counter with labels begins to be there with its first count, which `increase` does not see:
 * that it was not there before counts as well.
 */
export function raised(name: MetricName<"counter">, window: string, where = ""): string {
  const series = `${m(name)}${where === "" ? "" : `{${where}}`}`;
  return `increase(${series}[${window}]) > 0 or (${series} > 0 unless ${series} offset ${window})`;
}
