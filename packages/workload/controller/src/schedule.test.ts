import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Queued, runnable } from "./schedule.ts";

const op = (position: number, target: string): Queued => ({ subject: `op-${position}`, target, position });
const positions = (ops: readonly Queued[]): readonly number[] => ops.map(({ position }) => position);

describe("runnable", () => {
  it("different targets start together, one target goes in order", () => {
    assert.deepEqual(positions(runnable([op(1, "a"), op(2, "b"), op(3, "a")], [], 8)), [1, 2]);
    assert.deepEqual(positions(runnable([op(3, "a"), op(4, "c")], [op(1, "a")], 8)), [4]);
  });

  it("an op on the whole workspace waits for all before it, and all after it wait for it", () => {
    assert.deepEqual(positions(runnable([op(1, "a"), op(2, "workspace"), op(3, "b")], [], 8)), [1]);
    assert.deepEqual(positions(runnable([op(2, "workspace"), op(3, "b")], [], 8)), [2]);
    assert.deepEqual(positions(runnable([op(3, "b")], [op(2, "workspace")], 8)), []);
  });

  it("never more than the limit", () => {
    assert.deepEqual(positions(runnable([op(2, "b"), op(3, "c")], [op(1, "a")], 2)), [2]);
  });

  it("any queue: each target's ops run in order, never two at once, and all come to run (applied-once)", () => {
    const targets = fc.array(fc.constantFrom("a", "b", "c", "workspace"), { maxLength: 30 });
    fc.assert(
      fc.property(targets, fc.integer({ min: 1, max: 5 }), fc.infiniteStream(fc.nat()), (names, limit, choices) => {
        let queue = names.map((target, index) => op(index + 1, target));
        let running: Queued[] = [];
        const done: Queued[] = [];
        while (queue.length + running.length > 0) {
          const started = runnable(queue, running, limit);
          queue = queue.filter((each) => !started.includes(each));
          running = [...running, ...started];
          assert.ok(running.length > 0 && running.length <= limit);
          for (const each of running)
            for (const other of running)
              assert.ok(each === other || (each.target !== other.target && each.target !== "workspace" && other.target !== "workspace"));
          const ended = running[Number(choices.next().value) % running.length];
          if (ended !== undefined) done.push(ended);
          running = running.filter((each) => each !== ended);
        }
        for (const target of ["a", "b", "c", "workspace"]) {
          const order = done.flatMap((each) => (each.target === target || each.target === "workspace" ? [each.position] : []));
          assert.deepEqual(
            order,
            [...order].sort((a, b) => a - b),
          );
        }
      }),
    );
  });
});
