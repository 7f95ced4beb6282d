import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControllerRow } from "../sources/controller.ts";
import type { OrchestratorOp } from "../sources/orchestrator.ts";
import { compareOrder } from "./order.ts";

interface Spec {
  readonly jti: string;
  readonly version: number;
  readonly position: number;
  readonly fence?: number;
  readonly streamSeq?: number;
}

function compared(specs: readonly Spec[]) {
  const ops = specs.map(({ jti, version, fence = 7 }) => {
    const op: Partial<OrchestratorOp> = { jti, target: "web", before: version - 1, after: version, fence };
    return op as OrchestratorOp;
  });
  const rows = specs.map(({ jti, position, streamSeq = 1 }) => {
    const row: Partial<ControllerRow> = { id: jti, position, streamSeq };
    return [jti, row as ControllerRow] as const;
  });
  const { outOfOrder } = compareOrder(ops, new Map(rows));
  return outOfOrder.map(({ earlier, later }) => `${later.op.jti} before ${earlier.op.jti}`);
}

test("compareOrder: ops that changed a target in the order of their acceptance are in order, whoever's turn it was (applied-once)", () => {
  assert.deepEqual(
    compared([
      { jti: "a", version: 1, position: 3, fence: 7 },
      { jti: "b", version: 2, position: 9, fence: 8 },
    ]),
    [],
  );
});

test("compareOrder: one that overtook another is found, also over two turns", () => {
  for (const fence of [7, 8])
    assert.deepEqual(
      compared([
        { jti: "a", version: 1, position: 9 },
        { jti: "b", version: 2, position: 3, fence },
      ]),
      ["b before a"],
    );
});

test("compareOrder: rows that a rebuild made stand where the ledger has them, and are not compared", () => {
  assert.deepEqual(
    compared([
      { jti: "a", version: 1, position: 9, streamSeq: 0 },
      { jti: "b", version: 2, position: 3, streamSeq: 0 },
    ]),
    [],
  );
});

test("compareOrder: an op that a lost database had accepted may come again after one that it preceded; within a turn it may not", () => {
  const rebuilt: Spec = { jti: "old", version: 1, position: 1, streamSeq: 0 };
  const again = { jti: "a", version: 2, position: 9, fence: 7 };
  assert.deepEqual(compared([rebuilt, again, { jti: "b", version: 3, position: 3, fence: 8 }]), []);
  assert.deepEqual(compared([rebuilt, again, { jti: "b", version: 3, position: 3, fence: 7 }]), ["b before a"]);
});

test("compareOrder: ops that a rebuilt orchestrator took from the ledger are of no turn, and not of one turn together", () => {
  const rebuilt: Spec = { jti: "old", version: 1, position: 1, streamSeq: 0 };
  assert.deepEqual(
    compared([rebuilt, { jti: "a", version: 2, position: 9, fence: 0 }, { jti: "b", version: 3, position: 3, fence: 0 }]),
    [],
  );
});
