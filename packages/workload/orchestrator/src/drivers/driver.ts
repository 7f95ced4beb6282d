// What the engine asks of a driver: bring a component instance to a state, say how it is.
import type { InstanceState, JsonRecord } from "../model.ts";

export interface ConvergeRequest {
  readonly target: string;
  /** Undefined: the instance shall be gone. */
  readonly want: InstanceState | undefined;
  /** What to go back to where `want` cannot be reached. */
  readonly previous: InstanceState | undefined;
  /** The op that asked. */
  readonly jti: string;
}

export type ConvergeResult =
  | { readonly ok: true; readonly endpoints: readonly string[]; readonly evidence: JsonRecord }
  | { readonly ok: false; readonly message: string; readonly evidence: JsonRecord };

export type InstanceHealth = "healthy" | "unhealthy" | "starting" | "stopped" | "unknown";

/**
 * Convergent: asking again for the same state, also after a crash in the middle, does what is still missing and nothing else.
 * Rejects only when it was interrupted (shutdown) or when its records cannot be written; then nothing is known.
 */
export interface Driver {
  converge(request: ConvergeRequest): Promise<ConvergeResult>;
  health(target: string): InstanceHealth;
}
