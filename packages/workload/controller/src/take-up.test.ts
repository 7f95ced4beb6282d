import assert from "node:assert/strict";
import { test } from "node:test";
import { Positions } from "./positions.ts";
import type { Queued } from "./schedule.ts";
import { TakeUp } from "./take-up.ts";

test("TakeUp: looks for what another controller accepted where numbers of the stream are missing, before what comes behind them (applied-once)", async () => {
  const accepted: Queued[] = [];
  const resumed: string[] = [];
  const positions = new Positions(0);
  const takeUp = new TakeUp({
    records: { lastPosition: async (known = 0) => Math.max(known, accepted.at(-1)?.position ?? 0), unfinished: async () => [...accepted] },
    positions,
    applier: { resume: (ops) => resumed.push(...ops.map(({ subject }) => subject)) },
  });
  accepted.push({ subject: "between start and first message", target: "web", position: 4 });
  await takeUp.before(7);
  assert.deepEqual(resumed, ["between start and first message"]);
  assert.equal(positions.next(), 5);
  resumed.length = 0;

  accepted.splice(0, 1, { subject: "of the other one", target: "web", position: 9 });
  await takeUp.before(8);
  await takeUp.before(8);
  await takeUp.before(7);
  assert.deepEqual(resumed, [], "nothing is missing");
  await takeUp.before(10);
  assert.deepEqual(resumed, ["of the other one"]);
  assert.ok(positions.next() > 9, "what comes now is behind it");
});

test("TakeUp: asks for positions above those that are known already", async () => {
  const asked: unknown[] = [];
  const positions = new Positions(3);
  const records = {
    lastPosition: async (known = 0) => {
      asked.push(known);
      return Math.max(known, 5);
    },
    unfinished: async () => [],
  };
  const takeUp = new TakeUp({ records, positions, applier: { resume: () => undefined } });
  await takeUp.look();
  await takeUp.look();
  assert.deepEqual(asked, [3, 5]);
  assert.equal(positions.next(), 6);
});
