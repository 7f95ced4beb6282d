// Metrics in the format that Prometheus reads: one registry per process, and no metric in it that is not in the contract's list.
import { createRequire } from "node:module";
import { METRIC_PREFIX, METRICS, type MetricDefinition, type MetricName } from "@triplane/contract";
import type * as PromClient from "prom-client";

// Loaded when there is something to measure: with what it brings it is a sixth of the start of a command that measures nothing.
const require = createRequire(import.meta.url);

export type Labels = Readonly<Record<string, string>>;

export interface CounterMetric {
  add(labels?: Labels, amount?: number): void;
}

export interface GaugeMetric {
  set(value: number, labels?: Labels): void;
}

export interface HistogramMetric {
  observe(value: number, labels?: Labels): void;
}

export interface Metrics {
  counter(name: MetricName<"counter">): CounterMetric;
  gauge(name: MetricName<"gauge">, options?: GaugeOptions): GaugeMetric;
  histogram(name: MetricName<"histogram">): HistogramMetric;
  /** The page that Prometheus scrapes. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface GaugeOptions {
  /** Called before each scrape; sets what is only known by looking. A throw fails the scrape. */
  collect?(gauge: GaugeMetric): void | Promise<void>;
}

export interface MetricsOptions {
  /** The daemon, a label of every metric. */
  readonly name: string;
  /** Also a label of every metric, where the daemon serves one. */
  readonly workspace?: string | undefined;
  /** Also memory, event-loop delay and garbage collection of the process. */
  readonly processMetrics?: boolean;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const { Counter, collectDefaultMetrics, Gauge, Histogram, Registry }: typeof PromClient = require("prom-client");
  const registry = new Registry();
  const { name: daemon, workspace } = options;
  registry.setDefaultLabels({ daemon, ...(workspace === undefined ? {} : { workspace }) });
  if (options.processMetrics === true) collectDefaultMetrics({ register: registry });
  const shared = (name: MetricName) => {
    const { help, labels = {} }: MetricDefinition = METRICS[name];
    return { name: `${METRIC_PREFIX}${name}`, help, labelNames: Object.keys(labels), registers: [registry] };
  };
  return {
    counter: (name) => {
      const counter = new Counter<string>(shared(name));
      return { add: (labels = {}, amount = 1) => counter.inc({ ...labels }, amount) };
    },
    gauge: (name, { collect } = {}) => {
      const gauge = new Gauge<string>({ ...shared(name), ...(collect === undefined ? {} : { collect: () => collect(metric) }) });
      const metric: GaugeMetric = { set: (value, labels = {}) => gauge.set({ ...labels }, value) };
      return metric;
    },
    histogram: (name) => {
      const { buckets = [] }: MetricDefinition = METRICS[name];
      const histogram = new Histogram<string>({ ...shared(name), buckets: [...buckets] });
      return { observe: (value, labels = {}) => histogram.observe({ ...labels }, value) };
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
