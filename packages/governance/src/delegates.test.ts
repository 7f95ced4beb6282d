import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptDelegates, changeDelegates } from "./delegates.ts";
import { openGoverned } from "./repository.ts";
import { put, town, vote } from "./testing/town.ts";

test("delegates: a change needs a majority of those before it, and only holders of keys are added", async () => {
  const world = await town();
  const { ana, ben, cleo, clock } = world;
  const made = await put(world, ana, 1);
  for (const each of [ana, ben, cleo]) await vote(world, each, made);
  const dora = await world.machine("dora");
  const add = { add: [dora.key.did], remove: [], threshold: 3 };
  await assert.rejects(changeDelegates(ana.site, add, { key: ana.key, clock }), { code: "delegates_invalid", message: /has not joined/ });
  await ana.fetch();
  const changed = await changeDelegates(ana.site, add, { key: ana.key, clock });
  assert.deepEqual(
    changed.map(({ inForce }) => inForce),
    [false, false],
  );
  await ana.push();
  await ben.fetch();
  for (const { revision } of changed) assert.equal((await acceptDelegates(ben.site, revision, { key: ben.key, clock })).inForce, true);
  await ben.push();
  await cleo.fetch();
  const after = await openGoverned(cleo.site, "policy");
  assert.deepEqual([after.delegates.length, after.threshold, after.approved?.commit], [4, 3, made.commit]);
  // A second change after it: the acceptances of the first are not left behind by anybody's newer entries.
  const [rotated] = await changeDelegates(cleo.site, { add: [], remove: [ana.key.did], threshold: undefined }, { key: cleo.key, clock });
  await cleo.push();
  for (const each of [ben, dora]) {
    await each.fetch();
    const done = await acceptDelegates(each.site, rotated?.revision ?? "", { key: each.key, clock });
    assert.equal(done.inForce, each === dora, "max(M, majority) of the four before it");
    await each.push();
  }
  await ben.fetch();
  assert.deepEqual(
    (await openGoverned(ben.site, "policy")).delegates,
    [ben, cleo, dora].map(({ key }) => key.did),
  );
});

test("delegates: M of one is refused unless the workspace was made for one, and so is what would leave nothing approved", async () => {
  const world = await town();
  const { ana, ben, clock } = world;
  const made = await put(world, ana, 1);
  for (const each of [ana, ben]) await vote(world, each, made);
  await ana.fetch();
  const one = { add: [], remove: [], threshold: 1 };
  await assert.rejects(changeDelegates(ana.site, one, { key: ana.key, clock }), { code: "delegates_invalid", message: /one person alone/ });
  const without = { add: [], remove: [ben.key.did], threshold: undefined };
  await assert.rejects(changeDelegates(ana.site, without, { key: ana.key, clock }), {
    message: /only 1 of 2 delegates would stand behind/,
  });
});
