// Exit codes of a build: what a pipeline may go by.
import type { FailureCode, TriplaneError } from "@triplane/contract";
import type { RunOutcome } from "../run/run-build.ts";
import { DEFECT } from "../stop-signals.ts";

export const EXIT = {
  built: 0,
  failed: 1,
  usage: 2,
  oom: 3,
  diskFull: 4,
  infrastructure: 5,
} as const;

/** 128 and the number of the signal, as shells have it. */
export const EXIT_OF_SIGNAL: Readonly<Record<string, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
const EXIT_CANCELLED = 143;

/** The author of the pipeline or of the repository has to change something. */
const USAGE: readonly FailureCode[] = [
  ...(["usage", "config_invalid", "context_invalid", "build_spec_invalid", "request_invalid"] as const),
  ...(["nickel_syntax", "nickel_not_declarative"] as const),
];

const OF_OUTCOME: Readonly<Record<RunOutcome, number>> = {
  built: EXIT.built,
  failed: EXIT.failed,
  "registry-denied": EXIT.failed,
  oom: EXIT.oom,
  "disk-full": EXIT.diskFull,
  "registry-failed": EXIT.infrastructure,
  "connection-lost": EXIT.infrastructure,
  infrastructure: EXIT.infrastructure,
  cancelled: EXIT_CANCELLED,
};

export function exitCodeOf(outcome: RunOutcome, error: TriplaneError | undefined, signal: string | undefined): number {
  if (outcome === "cancelled" && signal === DEFECT) return EXIT.infrastructure;
  if (outcome === "cancelled") return EXIT_OF_SIGNAL[signal ?? ""] ?? EXIT_CANCELLED;
  return outcome === "infrastructure" && error !== undefined && USAGE.includes(error.code) ? EXIT.usage : OF_OUTCOME[outcome];
}

export const EXIT_CODES_HELP =
  "Exit codes: 0 built and pushed, 1 the build failed, 2 wrong usage or a context that cannot be read, 3 out of memory (after one retry one tier up), 4 the runner's disk is full, 5 the pool, the runner or the registry failed, 129, 130 or 143 stopped by a signal.";
