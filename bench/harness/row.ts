// What a row of the benchmark is. Every figure is compared with another one of the same run: machines differ, ratios less.

/** A figure with its unit, like 1200 "ops/s". */
export interface Measure {
  readonly value: number;
  readonly unit: string;
}

/** One line of the table. */
export interface Line {
  readonly what: string;
  readonly ours: Measure;
  /** What it is compared with, measured in the same run; undefined where the target is a number of its own. */
  readonly against: Measure | undefined;
  /** How good ours is against it: 1 is as good, 2 twice as good. */
  readonly ratio: number | undefined;
  /** As issue and documentation state it. */
  readonly target: string;
  /** Undefined where there is no target. */
  readonly met: boolean | undefined;
  readonly notes: readonly string[];
}

export interface RowContext {
  /** `full` is what counts; `quick` is smaller; `tiny` only shows that it runs. Lines say which sizes they are of. */
  readonly size: "full" | "quick" | "tiny";
  /** Kept between runs: what takes long to make. */
  readonly cacheDir: string;
  /** Minutes of the soak; 0 leaves it out. */
  readonly soakMinutes: number;
  readonly signal: AbortSignal;
  progress(line: string): void;
  /** A new folder that is removed after the row. */
  temporary(name: string): Promise<string>;
}

export interface Row {
  readonly id: string;
  /** What it measures, in one sentence. */
  readonly summary: string;
  run(context: RowContext): Promise<readonly Line[]>;
}

/** The value for the context's size. */
export function bySize<T>(context: RowContext, values: Readonly<Record<RowContext["size"], T>>): T {
  return values[context.size];
}

export function perSecond(count: number, ms: number): number {
  return (count / ms) * 1000;
}
