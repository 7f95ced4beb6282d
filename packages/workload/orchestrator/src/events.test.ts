import assert from "node:assert/strict";
import { test } from "node:test";
import { EventRows } from "./event-rows.ts";
import { EventRing, type OrchestratorEvent } from "./events.ts";

const event = (id: number): OrchestratorEvent => ({ id, at_ms: 0, type: "target.changed", target: "web", data: {} });

test("EventRing.after: gives what followed, and counts what is no longer kept", () => {
  const ring = new EventRing(3, []);
  ring.append([1, 2, 3, 4, 5].map(event));
  assert.deepEqual(ring.after(3), { missing: 0, events: [event(4), event(5)] });
  assert.deepEqual(ring.after(0), { missing: 2, events: [event(3), event(4), event(5)] });
  assert.deepEqual(ring.after(5), { missing: 0, events: [] });
});

test("EventRows: events of one commit are one row, which goes when all of them are too old, also after a restart", () => {
  const { rows } = EventRows.read(3, []);
  const put = (of: EventRows, ...ids: readonly number[]): readonly string[] => {
    const writes = of.writes(ids.map(event)).map(({ kind, id }) => `${kind} ${Number(id)}`);
    of.stored(ids.map(event));
    return writes;
  };
  assert.deepEqual(put(rows), []);
  assert.deepEqual(put(rows, 1, 2), ["create 1"]);
  assert.deepEqual(put(rows, 3), ["create 3"]);
  assert.deepEqual(put(rows, 4), ["create 4"]);
  assert.deepEqual(put(rows, 5), ["create 5", "delete 1"]);
  const stored = [
    { id: "0000000000000004", document: { events: [{ ...event(4) }, { ...event(5) }] } },
    { id: "0000000000000003", document: { events: [{ ...event(3) }] } },
  ];
  const again = EventRows.read(3, stored);
  assert.deepEqual(
    again.events.map(({ id }) => id),
    [3, 4, 5],
  );
  assert.deepEqual(put(again.rows, 6), ["create 6", "delete 3"]);
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
