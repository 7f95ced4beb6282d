import assert from "node:assert/strict";
import { test } from "node:test";
import { changeDelegates } from "./delegates.ts";
import { keysOf } from "./keys-of.ts";
import { type Machine, put, type Town, town, vote } from "./testing/town.ts";

/** Ana and ben approve a policy in which these machines' keys are listed besides. */
async function agree(world: Town, version: number, keys: Readonly<Record<string, Machine>>): Promise<void> {
  const { ana, ben } = world;
  const dids = Object.fromEntries(Object.entries(keys).map(([name, { key }]) => [name, [key.did]]));
  const made = await put(world, ana, version, 2, dids);
  for (const each of [ana, ben]) await vote(world, each, made);
  await ana.fetch();
}

async function seen(at: Machine, name: string) {
  return (await keysOf(at.site, name)).map(({ did, role, listed, delegateOf }) => [did, role, listed, delegateOf]);
}

test("keysOf: what approved policies list and listed, wherever it is a delegate; not what a key calls itself, nor what is somebody else's now", async () => {
  const world = await town();
  const { ana, ben, clock } = world;
  await assert.rejects(keysOf(ana.site, "ana"), { code: "quorum_not_reached" });
  const [phone, laptop, impostor] = [await world.machine("dora"), await world.machine("dora"), await world.machine("dora")];
  await ana.fetch();
  await agree(world, 1, { dora: phone });
  assert.deepEqual(await seen(ana, "dora"), [[phone.key.did, "operator", true, []]]);

  const add = { add: [phone.key.did, impostor.key.did], remove: [], threshold: undefined };
  for (const each of [ana, ben]) {
    await each.fetch();
    await changeDelegates(each.site, add, { key: each.key, clock });
    await each.push();
  }
  await ana.fetch();
  await agree(world, 2, { dora: laptop });
  const former = [phone.key.did, "operator", false, ["policy", "desired"]];
  assert.deepEqual(await seen(ana, "dora"), [[laptop.key.did, "operator", true, []], former]);

  await agree(world, 3, { eve: laptop });
  assert.deepEqual(await seen(ana, "dora"), [former]);
  assert.deepEqual(await seen(ana, "eve"), [[laptop.key.did, "operator", true, []]]);
  assert.deepEqual(await seen(ana, "ben"), [[ben.key.did, "operator", true, ["policy", "desired"]]]);
  assert.deepEqual(await seen(ana, "nobody"), []);
});
