// Tests of the backlog's figures.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@triplane/testkit";
import { Backlog } from "./backlog.ts";
import type { ConsumerState } from "./types.ts";

function place() {
  const clock = manualClock(1_000_000);
  const shown = { depth: -1, oldest: -1 };
  let state: ConsumerState | undefined = { pending: 0, unacked: 0, ackFloorSeq: 0 };
  const backlog = new Backlog({
    bus: { consumerState: async () => (state === undefined ? Promise.reject(new Error("away")) : state) },
    ...{ stream: "OPS_PENDING_w", durable: "keeper", clock },
    depth: {
      set: (value) => {
        shown.depth = value;
      },
    },
    oldest: {
      set: (value) => {
        shown.oldest = value;
      },
    },
  });
  const at = (next: ConsumerState | undefined) => {
    state = next;
    return backlog.look();
  };
  return { backlog, clock, shown, at };
}

test("Backlog: the age of the first message that is not acked, from its time on the stream", async () => {
  const { backlog, clock, shown, at } = place();
  backlog.came([
    { streamSeq: 7, storedAtMs: clock.nowMs() - 9_000 },
    { streamSeq: 8, storedAtMs: clock.nowMs() - 4_000 },
  ]);
  await at({ pending: 1, unacked: 2, ackFloorSeq: 6 });
  assert.deepEqual(shown, { depth: 3, oldest: 9 });
  await at({ pending: 1, unacked: 1, ackFloorSeq: 7 });
  assert.deepEqual(shown, { depth: 2, oldest: 4 });
  await at({ pending: 0, unacked: 0, ackFloorSeq: 9 });
  assert.deepEqual(shown, { depth: 0, oldest: 0 });
});

test("Backlog: what nobody has read is as old as the standstill, and grows while the broker is away", async () => {
  const { clock, shown, at } = place();
  await at({ pending: 2, unacked: 0, ackFloorSeq: 3 });
  assert.deepEqual(shown, { depth: 2, oldest: 0 });
  clock.advance(60_000);
  await at(undefined);
  assert.deepEqual(shown, { depth: 2, oldest: 60 });
  clock.advance(60_000);
  await at({ pending: 2, unacked: 0, ackFloorSeq: 3 });
  assert.deepEqual(shown, { depth: 2, oldest: 120 });
});
