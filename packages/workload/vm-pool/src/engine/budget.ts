// One budget of calls for the whole pool: what destroys goes first, then what lists, then what makes, then what only looks.
import type { CallBudget } from "../provider.ts";

export type CallKind = "destroy" | "list" | "create" | "look";

/** Calls that are kept for kinds that go before this one, beside one destroy for each server that there is. */
const KEPT: Readonly<Record<CallKind, number>> = { destroy: 0, list: 5, create: 20, look: 20 };

/** Whether a call may be made now. `servers`: how many may still have to be destroyed. */
export function mayCall(kind: CallKind, budget: CallBudget | undefined, servers: number, nowS: number): boolean {
  if (budget === undefined || kind === "destroy" || nowS >= budget.fullAtS) return true;
  // A limit so small that the reserve would forbid everything for ever keeps half of it.
  const reserve = Math.min(KEPT[kind] + servers, Math.floor(budget.limit / 2));
  return budget.remaining > reserve;
}
