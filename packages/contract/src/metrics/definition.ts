// What a metric is. Every metric of every daemon is one of the lists beside this file: code, dashboards, alerts and docs read them.

export type MetricType = "counter" | "gauge" | "histogram";

export interface MetricDefinition<T extends MetricType = MetricType> {
  readonly type: T;
  /** One sentence, as Prometheus shows it. */
  readonly help: string;
  /** Name of each label, and what its values are. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Upper bounds of a histogram, in seconds. */
  readonly buckets?: readonly number[];
}

export type MetricTable = Readonly<Record<string, MetricDefinition>>;

/** Steps of what usually takes milliseconds. */
export const SHORT_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300];
/** Steps of what usually takes seconds. */
export const LONG_S = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** Steps of what may wait for people. */
export const PATIENT_S = [0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 3600, 14_400, 86_400, 259_200];
