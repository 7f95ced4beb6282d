// Whether a replica that ended is started again, and after how long: pure.
import type { Random } from "@triplane/contract";
import { backoffMs } from "@triplane/kit";
import type { ProcessDefinition } from "../../catalog/definition.ts";

export type RestartDecision =
  | { readonly restart: true; readonly afterMs: number; readonly history: readonly number[] }
  | { readonly restart: false; readonly history: readonly number[] };

/** @param history times of earlier restarts, milliseconds since 1970. */
export function decideRestart(
  history: readonly number[],
  nowMs: number,
  policy: ProcessDefinition["restart"],
  random: Random,
): RestartDecision {
  const recent = history.filter((atMs) => atMs > nowMs - policy.window_ms && atMs <= nowMs);
  if (recent.length >= policy.max) return { restart: false, history: recent };
  const limits = { baseMs: policy.backoff_base_ms, maxMs: policy.backoff_max_ms };
  return { restart: true, afterMs: backoffMs(recent.length + 1, limits, random), history: [...recent, nowMs] };
}
