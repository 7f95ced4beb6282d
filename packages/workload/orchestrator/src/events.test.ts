import assert from "node:assert/strict";
import { test } from "node:test";
import { EventRing, type OrchestratorEvent } from "./events.ts";

const event = (id: number): OrchestratorEvent => ({ id, at_ms: 0, type: "target.changed", target: "web", data: {} });

test("EventRing.after: gives what followed, and counts what is no longer kept", () => {
  const ring = new EventRing(3, []);
  ring.append([1, 2, 3, 4, 5].map(event));
  assert.deepEqual(ring.after(3), { missing: 0, events: [event(4), event(5)] });
  assert.deepEqual(ring.after(0), { missing: 2, events: [event(3), event(4), event(5)] });
  assert.deepEqual(ring.after(5), { missing: 0, events: [] });
});

test("EventRing.expired: names what leaves when more comes, also what was stored before", () => {
  const ring = new EventRing(2, [event(7), event(8)]);
  assert.equal(ring.lastId, 8);
  assert.deepEqual(ring.expired(9), [7]);
});

test("EventRing.subscribe: wakes who listens, until they stop", () => {
  const ring = new EventRing(3, []);
  let woken = 0;
  const stop = ring.subscribe(() => {
    woken += 1;
  });
  ring.append([event(1)]);
  stop();
  ring.append([event(2)]);
  assert.equal(woken, 1);
});
