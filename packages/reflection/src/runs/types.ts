// A run of a mode as others see it: the CLI, agents over MCP, playbooks.
import type { Actor, Step } from "../modes/schema.ts";

/** Whoever acts; a step is offered to its actor. */
export type RunActor = Exclude<Actor, "Any">;

export const STEP_STATES = ["waiting", "ready", "running", "pass", "fail", "skip"] as const;
export type StepState = (typeof STEP_STATES)[number];

/** What is left of one attempt at a step. */
export interface Evidence {
  readonly attempt: number;
  readonly startedAt: string;
  readonly endedAt: string;
  /** 128 and the signal's number where a signal ended it; absent where somebody reported the step, or nobody knows. */
  readonly exitCode?: number;
  /** SHA-256 of what was written, and the beginning of it. */
  readonly outputDigest?: string;
  readonly output?: string;
  /** Who closed the step. */
  readonly actor: RunActor;
  /** The time limit was reached. */
  readonly timedOut?: boolean;
  /** It was running when the run was cut off; how far it came is not known. */
  readonly interrupted?: boolean;
}

export interface StepView {
  readonly id: string;
  readonly action: string;
  readonly actor: Actor;
  readonly state: StepState;
  readonly cmd?: string;
  readonly note?: string;
  /** Ids of the steps that it still waits for. */
  readonly waitsFor: readonly string[];
  /** Why it was skipped, or when it is tried again. */
  readonly why?: string;
  readonly evidence: readonly Evidence[];
}

/** A pre- or postcondition and what was found. `unchecked`: a sentence for people. */
export interface ConditionView {
  readonly text: string;
  readonly verdict: "holds" | "fails" | "unchecked";
  readonly saw?: string;
  /** Ids of the steps whose commands name what is missing: what they say is not to be relied upon. */
  readonly affects?: readonly string[];
}

export interface RunView {
  readonly id: string;
  readonly mode: string;
  readonly task: string;
  readonly actor: RunActor;
  readonly state: "open" | "passed" | "failed" | "cancelled";
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly preconditions: readonly ConditionView[];
  readonly postconditions: readonly ConditionView[];
  readonly steps: readonly StepView[];
  /** Ids of steps that the asking actor may do now. */
  readonly ready: readonly string[];
}

export interface StartOptions {
  readonly task: string;
  readonly actor: RunActor;
  /** Reach the commands as the environment variables PARAM_<NAME>. */
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface ReportOptions {
  readonly status: "pass" | "fail" | "skip";
  readonly output?: string;
  /** The run's own without it. */
  readonly actor?: RunActor;
  /** The mode's newest open run without it. */
  readonly run?: string;
}

/** Something that happened while commands ran. */
export interface RunEvent {
  readonly step: string;
  readonly what: "started" | "output" | "ended" | "retry" | "interrupted";
  readonly state?: StepState;
  readonly text?: string;
}

export interface ExecOptions extends StartOptions {
  /** Goes on with this run instead of starting one; its task, actor and parameters stay. */
  readonly run?: string;
  /** Added to the scrubbed environment of the commands, as it is: a playbook's TRIPLANE_HOME, TRIPLANE_AS, TRIPLANE_DRY_RUN, and a PATH with our programs in front. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How many commands run at a time; 4 without it. */
  readonly jobs?: number;
  /** What becomes of a step that was running when the run was cut off: run it again, or throw `step_interrupted`. `again` without it. */
  readonly interrupted?: "again" | "ask";
  readonly signal?: AbortSignal;
  onEvent?(event: RunEvent): void;
}

/** Runs of modes, kept on disk so that a crash loses none. Throws `mode_*` and `run_*` failures. */
export interface Runs {
  start(mode: string, options: StartOptions): Promise<RunView>;
  report(mode: string, step: string, options: ReportOptions): Promise<RunView>;
  exec(mode: string, options: ExecOptions): Promise<RunView>;
  show(run: string, actor: RunActor): Promise<RunView>;
  list(): Promise<readonly RunView[]>;
  cancel(run: string, actor: RunActor): Promise<RunView>;
}

export type { Step };
