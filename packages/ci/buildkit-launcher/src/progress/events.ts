// What happens in a build, as values: the terminal, the plain log and --json are made from these.

/** Steps are counted from 1 in the order in which they began. Seconds are decimal. */
export type BuildEvent =
  | { readonly event: "step"; readonly step: number; readonly name: string; readonly state: "started" }
  | {
      readonly event: "step";
      readonly step: number;
      readonly name: string;
      readonly state: "done" | "cached" | "stopped";
      readonly seconds: number;
    }
  | {
      readonly event: "step";
      readonly step: number;
      readonly name: string;
      readonly state: "failed";
      readonly seconds: number;
      readonly error: string;
    }
  | { readonly event: "output"; readonly step: number; readonly stream: "stdout" | "stderr"; readonly line: string }
  | { readonly event: "warning"; readonly step: number | undefined; readonly text: string }
  /** Whether there was a cache to start from. */
  | { readonly event: "cache"; readonly found: boolean }
  /** What buildctl wrote beside its progress: where a Dockerfile is wrong, why a build failed. */
  | { readonly event: "text"; readonly line: string };

/** A step that runs. */
export interface RunningStep {
  readonly step: number;
  readonly name: string;
  /** By the runner's clock. */
  readonly startedMs: number;
  readonly lines: readonly string[];
  readonly parts: readonly { readonly id: string; readonly current: number; readonly total: number }[];
}
