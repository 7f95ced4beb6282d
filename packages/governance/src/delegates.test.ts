import assert from "node:assert/strict";
import { test } from "node:test";
import { approvedPolicyHead } from "@triplane/ledger";
import { acceptDelegates, type ChangedDelegates, changeDelegates } from "./delegates.ts";
import { openGoverned } from "./repository.ts";
import { repoDirOf } from "./site.ts";
import { type Machine, put, type Town, town, vote } from "./testing/town.ts";

test("delegates: a change needs a majority of those before it, and only holders of keys are added", async () => {
  const world = await town();
  const { ana, ben, cleo, clock } = world;
  const dora = await world.machine("dora");
  const made = await put(world, ana, 1, 2, { dora: [dora.key.did] });
  const add = { add: [dora.key.did], remove: [], threshold: 3 };
  await assert.rejects(changeDelegates(ana.site, add, { key: ana.key, clock }), { code: "delegates_invalid", message: /has not joined/ });
  for (const each of [ana, ben, cleo]) await vote(world, each, made);
  await vote(world, dora, made);
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

test("delegates: the same change asked for again signs the one that waits, goes on where one repository has it, and is refused when it is over", async () => {
  const world = await town();
  const { ana, ben, cleo, clock } = world;
  const remove = { add: [], remove: [cleo.key.did], threshold: undefined };
  const [first, second] = await changeDelegates(ana.site, remove, { key: ana.key, clock });
  const same = await changeDelegates(ana.site, remove, { key: ana.key, clock });
  assert.deepEqual(
    same.map(({ revision, inForce }) => [revision, inForce]),
    [first, second].map((each) => [each?.revision, false]),
  );
  await ana.push();
  await ben.fetch();
  assert.equal((await acceptDelegates(ben.site, first?.revision ?? "", { key: ben.key, clock })).inForce, true);
  const rest = await changeDelegates(ben.site, remove, { key: ben.key, clock });
  assert.deepEqual(
    rest.map(({ repository, revision, inForce }) => [repository, revision, inForce]),
    [["desired", second?.revision, true]],
  );
  await assert.rejects(changeDelegates(ben.site, remove, { key: ben.key, clock }), {
    code: "delegates_invalid",
    message: /is no delegate of policy and desired/,
  });
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
    message: /only 1 of 2 would stand behind/,
  });
});

/** What a reader finds who remembers nothing: keeper and controller on a new machine. */
async function freshHead(machine: Machine): Promise<string> {
  const { site } = machine;
  await machine.fetch();
  return (await approvedPolicyHead(repoDirOf(site, "policy"), site.pins.policy, { branch: "main", minThreshold: 2 })).commit;
}

async function acceptAll(by: Machine, changes: readonly ChangedDelegates[], { clock }: Town): Promise<boolean> {
  await by.fetch();
  const done: boolean[] = [];
  for (const { revision } of changes) done.push((await acceptDelegates(by.site, revision, { key: by.key, clock })).inForce);
  await by.push();
  return done.every((each) => each);
}

test("delegates rotate: refused before the policy lists the new key, which would have no vote; afterwards fresh readers have a head", async () => {
  const world = await town();
  const { ana, ben, cleo, clock } = world;
  const first = await put(world, ana, 1);
  for (const each of [ana, ben]) await vote(world, each, first);
  const laptop = await world.machine("ben-laptop");
  await ana.fetch();
  const rotation = { add: [laptop.key.did], remove: [ben.key.did], threshold: undefined };
  await assert.rejects(
    changeDelegates(ana.site, rotation, { key: ana.key, clock }),
    (thrown: { code: string; message: string; hint: string }) => {
      assert.equal(thrown.code, "delegates_invalid");
      assert.match(thrown.message, /only 1 of 2 would stand behind/);
      assert.match(thrown.hint, /First a policy is approved that lists/);
      assert.ok(thrown.hint.includes(laptop.key.did));
      return true;
    },
  );
  const listed = await put(world, ana, 2, 2, { ben: [laptop.key.did] });
  for (const each of [ana, ben]) await vote(world, each, listed);
  await ana.fetch();
  // The new key stood behind the policy before; that it knows of this one nobody has seen.
  await assert.rejects(changeDelegates(ana.site, rotation, { key: ana.key, clock }), { hint: /First these sign it/ });
  await vote(world, laptop, listed);
  await ana.fetch();
  const changed = await changeDelegates(ana.site, rotation, { key: ana.key, clock });
  await ana.push();
  assert.equal(await acceptAll(cleo, changed, world), true);
  for (const each of [ana, cleo, laptop]) assert.equal(await freshHead(each), listed.commit);
  const next = await put(world, laptop, 3, 1, { ben: [laptop.key.did] });
  await assert.rejects(vote(world, ben, next), { code: "delegate_required" });
  for (const each of [laptop, cleo]) await vote(world, each, next);
  assert.equal(await freshHead(ana), next.commit);
});

test("delegates rotate: two keys of one person are not two of the people who have to stand behind the policy", async () => {
  const world = await town();
  const { ana, ben, clock } = world;
  const phone = await world.machine("ana-phone");
  const made = await put(world, ana, 1, 2, { ana: [phone.key.did] });
  for (const each of [ana, ben]) await vote(world, each, made);
  await vote(world, phone, made);
  await ana.fetch();
  const rotation = { add: [phone.key.did], remove: [ben.key.did], threshold: undefined };
  await assert.rejects(changeDelegates(ana.site, rotation, { key: ana.key, clock }), { message: /only 1 of 2 would stand behind/ });
});

test("delegates rotate: who skipped the approved commit and signed a later one does not stand behind it", async () => {
  const world = await town();
  const { ana, ben, cleo, clock } = world;
  const made = await put(world, ana, 1);
  for (const each of [ana, ben]) await vote(world, each, made);
  await cleo.fetch();
  const later = await put(world, cleo, 2, 1);
  await vote(world, cleo, later);
  await ana.fetch();
  const removal = { add: [], remove: [ben.key.did], threshold: undefined };
  await assert.rejects(changeDelegates(ana.site, removal, { key: ana.key, clock }), { message: /only 1 of 2 would stand behind/ });
});

test("delegates rotate: a whole quorum is replaced by the old ones' acceptance and the new ones' own heads, by neither alone", async () => {
  const world = await town();
  const { ana, ben, cleo, clock } = world;
  const old = [ana, ben, cleo];
  const first = await put(world, ana, 1);
  for (const each of old) await vote(world, each, first);
  const fresh: Machine[] = [];
  for (const { name } of old) fresh.push(await world.machine(`${name}-new`));
  const keys = Object.fromEntries(old.map(({ name }, at) => [name, [fresh[at]?.key.did ?? ""]]));
  await ana.fetch();
  const listed = await put(world, ana, 2, 2, keys);
  for (const each of old) await vote(world, each, listed);
  const [one, two, three] = fresh as [Machine, Machine, Machine];
  const all = { add: fresh.map(({ key }) => key.did), remove: old.map(({ key }) => key.did), threshold: undefined };
  await ana.fetch();
  await assert.rejects(changeDelegates(ana.site, all, { key: ana.key, clock }), { message: /only 0 of 2 would stand behind/ }, "old alone");
  for (const each of fresh) await vote(world, each, listed);
  await one.fetch();
  await assert.rejects(changeDelegates(one.site, all, { key: one.key, clock }), { code: "delegate_required" }, "new alone");
  await ana.fetch();
  const changed = await changeDelegates(ana.site, all, { key: ana.key, clock });
  await ana.push();
  await two.fetch();
  for (const { revision } of changed)
    await assert.rejects(acceptDelegates(two.site, revision, { key: two.key, clock }), { code: "delegate_required" });
  assert.equal((await openGoverned(two.site, "policy")).delegates[0], ana.key.did);
  assert.equal(await acceptAll(ben, changed, world), true);
  assert.equal(await freshHead(three), listed.commit);
  assert.deepEqual((await openGoverned(three.site, "policy")).delegates, all.add);
  const next = await put(world, one, 3, 1, keys);
  for (const each of [one, two]) await vote(world, each, next);
  assert.equal(await freshHead(three), next.commit);
});
