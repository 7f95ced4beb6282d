// Metrics in the format that Prometheus reads: one registry per process, every name prefixed `triplane_`.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

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
  /** Name without the prefix and, by Prometheus' convention, ending in `_total`. */
  counter(name: string, help: string, labelNames?: readonly string[]): CounterMetric;
  gauge(name: string, help: string, labelNames?: readonly string[]): GaugeMetric;
  /** Name with its unit, e.g. `apply_seconds`. */
  histogram(name: string, help: string, buckets: readonly number[], labelNames?: readonly string[]): HistogramMetric;
  /** The page that Prometheus scrapes. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  /** The daemon, a label of every metric. */
  readonly name: string;
  /** Also memory, event-loop delay and garbage collection of the process. */
  readonly processMetrics?: boolean;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ daemon: options.name });
  if (options.processMetrics === true) collectDefaultMetrics({ register: registry });
  const shared = (name: string, help: string, labelNames: readonly string[]) => ({
    name: `triplane_${name}`,
    help,
    labelNames: [...labelNames],
    registers: [registry],
  });
  return {
    counter: (name, help, labelNames = []) => {
      const counter = new Counter<string>(shared(name, help, labelNames));
      return { add: (labels = {}, amount = 1) => counter.inc({ ...labels }, amount) };
    },
    gauge: (name, help, labelNames = []) => {
      const gauge = new Gauge<string>(shared(name, help, labelNames));
      return { set: (value, labels = {}) => gauge.set({ ...labels }, value) };
    },
    histogram: (name, help, buckets, labelNames = []) => {
      const histogram = new Histogram<string>({ ...shared(name, help, labelNames), buckets: [...buckets] });
      return { observe: (value, labels = {}) => histogram.observe({ ...labels }, value) };
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
