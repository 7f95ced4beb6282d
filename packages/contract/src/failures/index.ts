// The one table of failures: code, HTTP status, retry, text. docs/errors.md is generated from it.
import { AGENT_FAILURES } from "./agents.ts";
import { BUILD_FAILURES } from "./build.ts";
import { BUS_FAILURES } from "./bus.ts";
import { DAEMON_FAILURES } from "./daemon.ts";
import type { FailureEntry } from "./entry.ts";
import { FLOW_FAILURES } from "./flow.ts";
import { GOLDEN_FAILURES } from "./golden.ts";
import { GOVERNANCE_FAILURES } from "./governance.ts";
import { KEY_FAILURES } from "./keys.ts";
import { LEDGER_FAILURES } from "./ledger.ts";
import { NICKEL_FAILURES } from "./nickel.ts";
import { ONTOLOGY_FAILURES } from "./ontology.ts";
import { PLAYBOOK_FAILURES } from "./playbooks.ts";
import { POLICY_FAILURES } from "./policy.ts";
import { POOL_FAILURES } from "./pool.ts";
import { RECOVERY_FAILURES } from "./recovery.ts";
import { REFLECTION_FAILURES } from "./reflection.ts";
import { REGISTRY_FAILURES } from "./registry.ts";
import { SIGNED_FAILURES } from "./signed.ts";
import { STORE_FAILURES } from "./store.ts";
import { VALIDATION_FAILURES } from "./validation.ts";

/** Every failure code with its row. Codes are stable; match on them, never on messages. */
export const FAILURES = {
  ...SIGNED_FAILURES,
  ...KEY_FAILURES,
  ...AGENT_FAILURES,
  ...FLOW_FAILURES,
  ...NICKEL_FAILURES,
  ...POLICY_FAILURES,
  ...BUS_FAILURES,
  ...STORE_FAILURES,
  ...LEDGER_FAILURES,
  ...GOVERNANCE_FAILURES,
  ...DAEMON_FAILURES,
  ...RECOVERY_FAILURES,
  ...BUILD_FAILURES,
  ...REGISTRY_FAILURES,
  ...POOL_FAILURES,
  ...GOLDEN_FAILURES,
  ...VALIDATION_FAILURES,
  ...ONTOLOGY_FAILURES,
  ...REFLECTION_FAILURES,
  ...PLAYBOOK_FAILURES,
} as const;

export type FailureCode = keyof typeof FAILURES;

/** The row of a code. */
export function failure(code: FailureCode): FailureEntry {
  return FAILURES[code];
}

export function isFailureCode(text: string): text is FailureCode {
  return Object.hasOwn(FAILURES, text);
}

export interface FailureOptions {
  readonly cause?: unknown;
  /** Replaces the table's hint where a better one is known. */
  readonly hint?: string;
  /** Data for machines: file, line, expected number. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The one class of failure.
 *
 * @example
 * throw new TriplaneError("sequence_gap", "key z6Mk… is at 4, the op says 6", { details: { expected: 5 } });
 */
export class TriplaneError extends Error {
  override readonly name = "TriplaneError";
  readonly code: FailureCode;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: FailureCode, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? FAILURES[code].hint;
    this.details = options.details ?? {};
  }

  get httpStatus(): number {
    return FAILURES[this.code].httpStatus;
  }

  get retry(): FailureEntry["retry"] {
    return FAILURES[this.code].retry;
  }
}

/** Turns anything thrown into a TriplaneError; what is not one already becomes `fallback`. */
export function toTriplaneError(thrown: unknown, fallback: FailureCode = "internal"): TriplaneError {
  if (thrown instanceof TriplaneError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new TriplaneError(fallback, message, { cause: thrown });
}
