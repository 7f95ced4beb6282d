// From single probes to "healthy": pure, time comes in.
import type { HealthDefinition } from "../../catalog/definition.ts";

export interface HealthState {
  readonly phase: "starting" | "healthy";
  /** Probes in a row that say otherwise than the phase. */
  readonly streak: number;
  readonly sinceMs: number;
}

export type HealthVerdict = "became-healthy" | "became-unhealthy" | "start-timeout" | "unchanged";

export function initialHealth(nowMs: number): HealthState {
  return { phase: "starting", streak: 0, sinceMs: nowMs };
}

type Limits = Pick<HealthDefinition, "healthy_after" | "unhealthy_after" | "start_timeout_ms">;

export function nextHealth(
  state: HealthState,
  probeOk: boolean,
  nowMs: number,
  limits: Limits,
): { readonly state: HealthState; readonly verdict: HealthVerdict } {
  const contradicts = (state.phase === "healthy") !== probeOk;
  const streak = contradicts ? state.streak + 1 : 0;
  if (state.phase === "starting") {
    if (streak >= limits.healthy_after) return { state: { phase: "healthy", streak: 0, sinceMs: nowMs }, verdict: "became-healthy" };
    const late = nowMs - state.sinceMs >= limits.start_timeout_ms;
    return { state: { ...state, streak }, verdict: late ? "start-timeout" : "unchanged" };
  }
  return { state: { ...state, streak }, verdict: streak >= limits.unhealthy_after ? "became-unhealthy" : "unchanged" };
}
