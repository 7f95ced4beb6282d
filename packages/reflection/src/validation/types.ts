// What a validation check is, and what it says. Pure words; looking at the system is done by adapters.
import type { InvariantId } from "@triplane/contract";

/** `unknown`: it could not be looked at, which is never taken for `pass` (no-fail-open). `skip`: this system has no such part. */
export type Verdict = "pass" | "fail" | "unknown" | "skip";

export interface Finding {
  readonly verdict: Verdict;
  /** Where it looked: a stream's name, a repository, an address. */
  readonly lookedAt: string;
  /** What was there, with figures. */
  readonly saw: string;
  /** What to do; for everything that is not `pass`. */
  readonly todo?: string;
}

export interface Check<Surroundings> {
  /** Unique in all modes, e.g. `work-queue-retention`. */
  readonly id: string;
  /** The invariant that it guards. */
  readonly invariant: InvariantId;
  /** One sentence: what it makes sure of. */
  readonly what: string;
  /** Never throws: what could not be looked at is `unknown`. */
  look(surroundings: Surroundings, signal: AbortSignal): Promise<Finding>;
}

export const VALIDATIONS = [
  "validate-ops-contract",
  "validate-radicle-governance",
  "validate-keeper-policy",
  "validate-build-infrastructure",
  "validate-observability",
  "validate-playbooks",
] as const;
export type ValidationName = (typeof VALIDATIONS)[number];

export interface CheckReport extends Finding {
  readonly id: string;
  readonly invariant: InvariantId;
  readonly what: string;
  readonly tookMs: number;
}

export interface ValidationReport {
  readonly validation: ValidationName;
  readonly workspace: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** `fail` with any failed check, else `unknown` with any unknown one, else `skip` where nothing of it is configured, else `pass`. */
  readonly verdict: Verdict;
  /** False where only some of its checks were asked for. */
  readonly complete: boolean;
  readonly checks: readonly CheckReport[];
}

/** `unknown` is never green; a part that is not there does not make the rest red. */
export function verdictOf(checks: readonly { readonly verdict: Verdict }[]): Verdict {
  for (const verdict of ["fail", "unknown", "pass"] as const) if (checks.some((check) => check.verdict === verdict)) return verdict;
  return "skip";
}

/** Whether somebody has to act. */
export function isRed(verdict: Verdict): boolean {
  return verdict === "fail" || verdict === "unknown";
}
