// What a result says of the way it came about, and of what it left behind. It ends in the ledger, for ever and for everybody: small, integers only, no log lines.
import { canonicalJson } from "@triplane/contract";
import { changedForms } from "./changed-evidence.ts";
import type { ConvergeResult } from "./drivers/driver.ts";
import type { JsonRecord, TargetRecord } from "./model.ts";
import type { IntendedChange } from "./op-row.ts";

// An audit record holds the admission as well, within 64 KiB.
const MAX_EVIDENCE_BYTES = 4096;
const MAX_MESSAGE_CHARS = 300;

export interface StepOutcome {
  readonly change: IntendedChange;
  readonly result: ConvergeResult;
}

/**
 * Failed steps come first, and whole; where it gets too large, the last steps are only counted. The states of changed targets are
 * what a rebuild rests on: steps that went well make room for them, and they take a smaller form before a failed step has to go.
 */
export function evidenceOf(outcomes: readonly StepOutcome[], durationMs: number, changed?: readonly TargetRecord[]): JsonRecord {
  const ordered = [...outcomes].sort((a, b) => Number(a.result.ok) - Number(b.result.ok));
  const steps = ordered.map(stepEvidence);
  const failed = ordered.filter(({ result }) => !result.ok).length;
  const make = (form: JsonRecord) => (kept: number) => assemble(steps, kept, durationMs, form);
  for (const form of changed === undefined ? [{}] : changedForms(changed)) {
    const evidence = largestThatFits(failed, steps.length, make(form));
    if (evidence !== undefined) return evidence;
  }
  // Many failures with long messages: the first ones, and that there were changes.
  const form = changed === undefined || changed.length === 0 ? {} : { changed_digests: [], changed_left_out: changed.length };
  return largestThatFits(0, failed, make(form)) ?? make(form)(0);
}

/** Made with the greatest number from `least` to `most` that fits, undefined where not even the least does. */
function largestThatFits(least: number, most: number, make: (kept: number) => JsonRecord): JsonRecord | undefined {
  const whole = make(most);
  if (fits(whole)) return whole;
  let found: JsonRecord | undefined;
  for (let low = least, high = most - 1; low <= high; ) {
    const middle = (low + high) >> 1;
    const candidate = make(middle);
    if (fits(candidate)) {
      found = candidate;
      low = middle + 1;
    } else high = middle - 1;
  }
  return found;
}

function assemble(steps: readonly JsonRecord[], kept: number, durationMs: number, form: JsonRecord): JsonRecord {
  return {
    duration_ms: durationMs,
    steps: steps.slice(0, kept),
    ...(kept < steps.length ? { steps_left_out: steps.length - kept } : {}),
    ...form,
  };
}

function fits(evidence: JsonRecord): boolean {
  return Buffer.byteLength(canonicalJson(evidence)) <= MAX_EVIDENCE_BYTES;
}

function stepEvidence({ change, result }: StepOutcome): JsonRecord {
  const step = { target: change.target, action: change.action, ok: result.ok };
  if (result.ok) return { ...step, endpoints: result.endpoints, ...result.evidence };
  return { ...step, message: result.message.slice(0, MAX_MESSAGE_CHARS), ...result.evidence };
}
