import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ALL_TARGETS, TargetLocks } from "./locks.ts";

test("TargetLocks: two on one target never overlap, the workspace overlaps with nobody, and asking order is kept", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom("a", "b", ALL_TARGETS), fc.nat(3)), { maxLength: 12 }), async (asks) => {
      const locks = new TargetLocks();
      const inside = new Set<string>();
      const order = new Map<string, number[]>();
      const work = async (target: string, turns: number, index: number): Promise<void> => {
        assert.ok(!inside.has(target) && !inside.has(ALL_TARGETS) && !(target === ALL_TARGETS && inside.size > 0));
        inside.add(target);
        order.set(target, [...(order.get(target) ?? []), index]);
        for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
        inside.delete(target);
      };
      await Promise.all(asks.map(([target, turns], index) => locks.with(target, () => work(target, turns, index))));
      for (const indexes of order.values())
        assert.deepEqual(
          indexes,
          indexes.toSorted((a, b) => a - b),
        );
    }),
  );
});

test("TargetLocks: different targets run side by side", async () => {
  const locks = new TargetLocks();
  const met = Promise.withResolvers<void>();
  await Promise.all([locks.with("a", () => met.promise), locks.with("b", async () => met.resolve())]);
});

test("TargetLocks: work that fails gives its target back", async () => {
  const locks = new TargetLocks();
  await assert.rejects(locks.with("a", () => Promise.reject(new Error("no"))));
  assert.equal(await locks.with("a", async () => 1), 1);
});
