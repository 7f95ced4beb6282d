// Whether ops that changed a target were accepted in the order in which they changed it.
//
// 1. A row that a rebuild made stands where the ledger has its record, which is no order of acceptance: it is not compared.
// 2. After a rebuild an op may be accepted again whose effect is older than the rebuild: there only ops of one controller's turn are compared.
//    Ops that the orchestrator's own rebuild took from the ledger have no turn: what it writes in its place is in no turn's order.
import type { ControllerRow } from "../sources/controller.ts";
import type { OrchestratorOp } from "../sources/orchestrator.ts";

export interface OutOfOrder {
  readonly earlier: { readonly op: OrchestratorOp; readonly row: ControllerRow };
  readonly later: { readonly op: OrchestratorOp; readonly row: ControllerRow };
}

export interface Compared {
  readonly outOfOrder: readonly OutOfOrder[];
  /** Rows that were made by a rebuild. */
  readonly rebuilt: number;
}

/** What a rebuilt orchestrator says of an op's turn: the ledger does not tell it, and the first controller's is above it. */
const REBUILT_FENCE = 0;

/** `ops` changed their own target; pure. */
export function compareOrder(ops: Iterable<OrchestratorOp>, rows: ReadonlyMap<string, ControllerRow>): Compared {
  const rebuilt = [...rows.values()].filter(isRebuilt).length;
  const outOfOrder: OutOfOrder[] = [];
  for (const ofTarget of Map.groupBy(ops, ({ target }) => target).values()) {
    let last: OutOfOrder["earlier"] | undefined;
    for (const op of ofTarget.toSorted((a, b) => (a.after ?? 0) - (b.after ?? 0))) {
      const row = rows.get(op.jti);
      if (row === undefined || isRebuilt(row)) continue;
      const isComparable = rebuilt === 0 || (op.fence !== REBUILT_FENCE && last?.op.fence === op.fence);
      if (last !== undefined && isComparable && row.position < last.row.position) outOfOrder.push({ earlier: last, later: { op, row } });
      last = { op, row };
    }
  }
  return { outOfOrder, rebuilt };
}

/** No message of a stream is number 0. */
function isRebuilt({ streamSeq }: ControllerRow): boolean {
  return streamSeq === 0;
}
