// What a result says of the way it came about. It ends in the ledger, for ever and for everybody: small, integers only, no log lines.
import { canonicalJson } from "@triplane/contract";
import type { ConvergeResult } from "./drivers/driver.ts";
import type { JsonRecord } from "./model.ts";
import type { IntendedChange } from "./records.ts";

// An audit record holds the admission as well, within 64 KiB.
const MAX_EVIDENCE_BYTES = 4096;
const MAX_MESSAGE_CHARS = 300;

export interface StepOutcome {
  readonly change: IntendedChange;
  readonly result: ConvergeResult;
}

/** Failed steps come first, and whole; where it gets too large, the last steps are only counted. */
export function evidenceOf(outcomes: readonly StepOutcome[], durationMs: number): JsonRecord {
  const ordered = [...outcomes].sort((a, b) => Number(a.result.ok) - Number(b.result.ok));
  const steps = ordered.map(stepEvidence);
  for (let kept = steps.length; ; kept -= 1) {
    const evidence: JsonRecord = {
      duration_ms: durationMs,
      steps: steps.slice(0, kept),
      ...(kept < steps.length ? { steps_left_out: steps.length - kept } : {}),
    };
    if (kept === 0 || new TextEncoder().encode(canonicalJson(evidence)).length <= MAX_EVIDENCE_BYTES) return evidence;
  }
}

function stepEvidence({ change, result }: StepOutcome): JsonRecord {
  const step = { target: change.target, action: change.action, ok: result.ok };
  if (result.ok) return { ...step, endpoints: result.endpoints, ...result.evidence };
  return { ...step, message: result.message.slice(0, MAX_MESSAGE_CHARS), ...result.evidence };
}
