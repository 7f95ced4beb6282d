// Decides what to do about the approved head of the desired repository: state and outcome in, one action out.
//
// 1. One op per commit: an op that waits in the outbox for the commit is taken up before another is signed, so a crash
//    between signing and remembering signs nothing twice. `applied-once`
// 2. Another op for the same commit is signed only after the former one ended with a failure that the failure table calls
//    `resubmit`, and only a bounded number of times.
import { FAILURES, isFailureCode } from "@triplane/contract";
import type { OpStage } from "@triplane/submitter";
import type { SyncState } from "./state.ts";

export interface SyncInput {
  /** Approved head of the desired repository. */
  readonly head: string;
  readonly state: SyncState | undefined;
  /** jti of an op without outcome in the outbox that applies the head, where there is one. */
  readonly waiting: string | undefined;
  /** Where the remembered op is; undefined where none is open, or the outbox lost it. */
  readonly stage: OpStage | undefined;
  readonly maxAttempts: number;
}

export type SyncAction =
  | { readonly do: "nothing" }
  /** Sign an op for the head; `attempt` counts from 1. */
  | { readonly do: "sign"; readonly attempt: number }
  /** Remember, and send what is remembered. */
  | { readonly do: "send"; readonly state: SyncState }
  /** Remember the end. */
  | { readonly do: "end"; readonly state: SyncState };

/** Pure. */
export function nextAction(input: SyncInput): SyncAction {
  const { head, state, waiting, stage, maxAttempts } = input;
  const known = state?.commit === head ? state : undefined;
  if (waiting !== undefined && waiting !== known?.jti) {
    return { do: "send", state: { commit: head, jti: waiting, attempts: (known?.attempts ?? 0) + 1, status: "open" } };
  }
  if (known === undefined) return { do: "sign", attempt: 1 };
  if (known.status !== "open") return { do: "nothing" };
  if (stage === undefined) return { do: "sign", attempt: known.attempts + 1 };
  if (stage.stage !== "outcome") return { do: "nothing" };
  const { outcome, code } = stage.outcome;
  if (outcome === "applied") return { do: "end", state: { ...known, status: "applied" } };
  if (isWorthAnother(code) && known.attempts < maxAttempts) return { do: "sign", attempt: known.attempts + 1 };
  return { do: "end", state: { ...known, status: "failed", ...(code === undefined ? {} : { code }) } };
}

function isWorthAnother(code: string | undefined): boolean {
  return code !== undefined && isFailureCode(code) && FAILURES[code].retry === "resubmit";
}
