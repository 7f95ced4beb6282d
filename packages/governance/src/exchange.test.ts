import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "@triplane/kit";
import { changeNamespace } from "@triplane/ledger";
import { fetchRepository, pushRepository } from "./exchange.ts";
import { openGoverned } from "./repository.ts";
import { repoDirOf } from "./site.ts";
import { listRefsOf, runGitIn } from "./testing/git.ts";
import { approvedOn, put, sigrefsOf, town, vote } from "./testing/town.ts";

test("fetch: replayed signed refs of a delegate are refused, and move nothing (RD1)", async () => {
  const world = await town();
  const { ana, ben, remote } = world;
  const hub = `${remote.url}/${ana.site.pins.policy.rid.slice("rad:".length)}`;
  const name = sigrefsOf(ben);
  const before = (await listRefsOf(hub, name)).get(name) ?? "";
  const made = await put(world, ben, 1);
  await vote(world, ben, made);
  await ana.fetch();
  const now = (await listRefsOf(repoDirOf(ana.site, "policy"), name)).get(name);
  await runGitIn(hub, ["update-ref", name, before]);
  const [fetched] = await ana.fetch();
  assert.equal(fetched?.taken.find(({ did }) => did === ben.key.did)?.result, "behind");
  assert.equal((await listRefsOf(repoDirOf(ana.site, "policy"), name)).get(name), now);
});

test("openGoverned: a storage that was set back behind what this machine has seen gives that delegate no say", async () => {
  const world = await town();
  const { ana, ben } = world;
  const made = await put(world, ben, 1);
  const name = sigrefsOf(ben);
  const repo = repoDirOf(ana.site, "policy");
  const before = (await listRefsOf(repo, name)).get(name) ?? "";
  await vote(world, ana, made);
  await vote(world, ben, made);
  assert.equal(await approvedOn(ana), made.commit);
  await runGitIn(repo, ["update-ref", name, before]);
  const back = await openGoverned(ana.site, "policy");
  assert.equal(back.refused.get(ben.key.did)?.code, "refs_diverged");
  assert.equal(back.approved, undefined);
});

test("fetch: a forked chain of signed refs is refused with refs_diverged, and the own namespace is never moved", async () => {
  const world = await town();
  const { ana, ben, cleo, remote, clock } = world;
  const { changeNamespace } = await import("@triplane/ledger");
  const repo = repoDirOf(cleo.site, "policy");
  // Two machines with ben's key: what cleo has of him goes on one way, his own another.
  await changeNamespace(
    { repo, key: ben.key, clock },
    (refs) => new Map([...refs, ["refs/heads/other", cleo.site.pins.policy.identityRoot]]),
  );
  clock.advance(5000);
  await put(world, ben, 1);
  const fetched = await fetchRepository(cleo.site, "policy", remote, { random: systemRandom, own: cleo.key.did });
  const ofBen = fetched.taken.find(({ did }) => did === ben.key.did);
  assert.deepEqual([ofBen?.result, ofBen?.failure?.code], ["refused", "refs_diverged"]);
  // Whoever may write to the hub can put anything into ana's namespace there; here it stays.
  const hub = `${remote.url}/${ana.site.pins.policy.rid.slice("rad:".length)}`;
  const mine = (await listRefsOf(repoDirOf(ana.site, "policy"), sigrefsOf(ana))).get(sigrefsOf(ana));
  const bens = (await listRefsOf(hub, sigrefsOf(ben))).get(sigrefsOf(ben)) ?? "";
  await runGitIn(hub, ["update-ref", sigrefsOf(ana), bens]);
  const [onAna] = await ana.fetch();
  assert.equal(onAna?.taken.find(({ did }) => did === ana.key.did)?.result, "own");
  assert.equal((await listRefsOf(repoDirOf(ana.site, "policy"), sigrefsOf(ana))).get(sigrefsOf(ana)), mine);
  await assert.rejects(pushRepository(ana.site, "policy", remote, ana.key.did, { random: systemRandom }), { code: "refs_diverged" });
});

test("push: a key without a seat that signs on two machines is told; what it signed first stays at the remote", async () => {
  const world = await town();
  const { clock, remote } = world;
  const ci = await world.machine("ci");
  const other = { ...ci.site, storageDir: `${ci.site.storageDir}-2`, memoryFile: `${ci.site.memoryFile}-2` };
  await fetchRepository(other, "desired", remote, { random: systemRandom });
  const sign = (site: typeof other, ref: string) =>
    changeNamespace(
      { repo: repoDirOf(site, "desired"), key: ci.key, clock },
      (current) => new Map([...current, [ref, site.pins.desired.identityRoot]]),
    );
  const pushFrom = (site: typeof other) => pushRepository(site, "desired", remote, ci.key.did, { random: systemRandom });
  await sign(ci.site, "refs/heads/one");
  await sign(other, "refs/heads/two");
  assert.equal(await pushFrom(ci.site), true);
  await assert.rejects(pushFrom(other), { code: "refs_diverged" });
  const hub = `${remote.url}/${ci.site.pins.desired.rid.slice("rad:".length)}`;
  const name = sigrefsOf(ci);
  assert.equal((await listRefsOf(hub, name)).get(name), (await listRefsOf(repoDirOf(ci.site, "desired"), name)).get(name));
});
