import assert from "node:assert/strict";
import { test } from "node:test";
import { isDid } from "@triplane/contract";
import { systemRandom } from "@triplane/kit";
import { acceptDelegates, changeDelegates } from "./delegates.ts";
import { fetchRepository, pushRepository } from "./exchange.ts";
import { proposalsOf } from "./proposals.ts";
import { propose } from "./propose.ts";
import { openGoverned } from "./repository.ts";
import { type Reviewed, reviewCommit } from "./review.ts";
import { repoDirOf } from "./site.ts";
import { governanceStatus } from "./status.ts";
import { listRefsOf, runGitIn } from "./testing/git.ts";
import { type Machine, policyFiles, sigrefsOf, type Town, town } from "./testing/town.ts";
import { approve, findProposal, reject } from "./vote.ts";

async function put(world: Town, by: Machine, version: number, removal = 2): Promise<Reviewed> {
  const { clock, review } = world;
  const repository = await openGoverned(by.site, "policy");
  const files = policyFiles(world, { version, removal });
  const made = await propose(by.site, repository, {
    ...review,
    key: by.key,
    principal: by.name,
    clock,
    files,
    title: `Version ${version}`,
  });
  await by.push();
  return made;
}

async function vote(world: Town, by: Machine, made: Reviewed) {
  await by.fetch();
  const found = await findProposal(by.site, made.commit.slice(0, 12));
  const voted = await approve(by.site, found, made.words, { ...world.review, key: by.key, clock: world.clock });
  await by.push();
  return voted;
}

async function approvedOn(machine: Machine): Promise<string | undefined> {
  await machine.fetch();
  return (await openGoverned(machine.site, "policy")).approved?.commit;
}

test("governance: proposing is no vote; two of three on three machines approve, and everybody reads the same words", async () => {
  const world = await town();
  const { ana, ben, cleo } = world;
  const made = await put(world, ben, 1);
  await ana.fetch();
  const [open] = await proposalsOf(await openGoverned(ana.site, "policy"));
  assert.deepEqual([open?.standing, open?.approvedBy, open?.missing], ["open", [], 2]);
  const onCleo = await cleo.fetch().then(() => openGoverned(cleo.site, "policy"));
  assert.equal((await reviewCommit(cleo.site, onCleo, made.commit, world.review)).words, made.words);
  assert.equal((await vote(world, ana, made)).proposal.missing, 1);
  assert.equal(await approvedOn(cleo), undefined);
  assert.equal((await vote(world, ben, made)).proposal.standing, "approved");
  assert.deepEqual([await approvedOn(ana), await approvedOn(ben), await approvedOn(cleo)], [made.commit, made.commit, made.commit]);
});

test("approve: refuses words of another proposal, a key that is no delegate, and what was made before something else was approved", async () => {
  const world = await town();
  const { ana, ben, cleo, clock, review } = world;
  const first = await put(world, ana, 1);
  const rival = await put(world, ben, 2);
  await ana.fetch();
  const found = await findProposal(ana.site, rival.commit);
  await assert.rejects(approve(ana.site, found, first.words, { ...review, key: ana.key, clock }), { code: "proposal_differs" });
  const dora = await world.machine("dora");
  await assert.rejects(approve(dora.site, await findProposal(dora.site, first.commit), first.words, { ...review, key: dora.key, clock }), {
    code: "delegates_invalid",
  });
  await vote(world, ana, first);
  await vote(world, cleo, first);
  await ben.fetch();
  const late = await findProposal(ben.site, rival.commit);
  assert.equal(late.proposal.standing, "outdated");
  await assert.rejects(approve(ben.site, late, rival.words, { ...review, key: ben.key, clock }), { code: "proposal_outdated" });
});

test("approve: an approval of something else is taken back, and named; a rejection takes back the own approval", async () => {
  const world = await town();
  const { ana, ben, clock } = world;
  const [one, two] = [await put(world, ana, 1), await put(world, ana, 2)];
  await vote(world, ben, one);
  const voted = await vote(world, ben, two);
  assert.equal(voted.withdrawn, one.commit);
  const said = await reject(ben.site, await findProposal(ben.site, two.commit), { key: ben.key, clock });
  assert.deepEqual([said.proposal.approvedBy, said.proposal.rejectedBy, said.withdrawn], [[], [ben.key.did], two.commit]);
  await ben.push();
  await ana.fetch();
  const [shown] = (await proposalsOf(await openGoverned(ana.site, "policy"))).filter(({ commit }) => commit === two.commit);
  assert.deepEqual(shown?.rejectedBy, [ben.key.did]);
  assert.equal((await vote(world, ben, two)).proposal.rejectedBy.length, 0, "an approval takes the rejection back");
});

test("propose: what nobody could approve is not signed: a version that does not grow, a file that is no data, no change", async () => {
  const world = await town();
  const { ana, ben, clock, review } = world;
  const first = await put(world, ana, 3);
  await vote(world, ana, first);
  await vote(world, ben, first);
  const repository = await openGoverned(ben.site, "policy");
  const attempt = (files: Map<string, string>) =>
    propose(ben.site, repository, { ...review, key: ben.key, principal: "ben", clock, files, title: "No" });
  await assert.rejects(attempt(policyFiles(world, { version: 3, removal: 1 })), { code: "policy_invalid", message: /has to be 4 or more/ });
  await assert.rejects(attempt(policyFiles(world, { version: 3 })), { code: "usage" });
  const code = new Map([["keeper_policy.ncl", "let f = fun x => x in f { version = 1 }"]]);
  await assert.rejects(attempt(code), { code: "nickel_not_declarative" });
  assert.equal((await proposalsOf(await openGoverned(ben.site, "policy"))).filter(({ standing }) => standing === "open").length, 0);
});

test("reviewCommit: an approval approves every commit on the way: one that is no policy stands in the way of all (CVE-2026-128036)", async () => {
  const world = await town();
  const { ana, ben, clock, review } = world;
  const { commitFiles, pushHead } = await import("@triplane/ledger");
  const repo = repoDirOf(ana.site, "policy");
  const bad = await commitFiles({
    repo,
    key: ana.key,
    parent: undefined,
    files: { "keeper_policy.ncl": "{ version = 1 }" },
    message: "Bad",
    timeS: 1,
  });
  const files = Object.fromEntries(policyFiles(world, { version: 1 }));
  const good = await commitFiles({ repo, key: ana.key, parent: bad, files, message: "Good", timeS: 2 });
  // As `git push rad main` would do it: a head moved without a proposal is one.
  await pushHead({ repo, key: ana.key, branch: "main", commit: good, clock });
  await ana.push();
  await ben.fetch();
  const found = await findProposal(ben.site, good);
  assert.deepEqual([found.proposal.via, found.proposal.approvedBy], [["head"], [ana.key.did]]);
  const read = await reviewCommit(ben.site, found.repository, good, review);
  assert.equal(read.steps.length, 2);
  await assert.rejects(approve(ben.site, found, read.words, { ...review, key: ben.key, clock }), {
    code: "proposal_invalid",
    message: /policy_invalid/,
  });
});

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
  const { ana, ben, cleo, clock } = world;
  const made = await put(world, ana, 1);
  for (const each of [ana, ben]) await vote(world, each, made);
  await ana.fetch();
  const one = { add: [], remove: [], threshold: 1 };
  await assert.rejects(changeDelegates(ana.site, one, { key: ana.key, clock }), { code: "delegates_invalid", message: /one person alone/ });
  const without = { add: [], remove: [ben.key.did], threshold: undefined };
  await assert.rejects(changeDelegates(ana.site, without, { key: ana.key, clock }), {
    message: /only 1 of 2 delegates would stand behind/,
  });
  assert.ok(isDid(cleo.key.did));
});

test("governanceStatus: says who could sign, what waits, and what a remote lacks", async () => {
  const world = await town();
  const { ana, ben, cleo } = world;
  const made = await put(world, ben, 1);
  await ana.fetch();
  const options = { ...world.review, random: systemRandom };
  const status = await governanceStatus(ana.site, options);
  const [policy] = status.repositories;
  assert.deepEqual(
    [policy?.able, policy?.threshold, policy?.delegates.map(({ name }) => name)],
    [3, 2, ["ana (own word)", "ben (own word)", "cleo (own word)"]],
  );
  assert.equal(policy?.proposals[0]?.reviewed?.words, made.words);
  assert.deepEqual(
    status.remotes.filter(({ repository }) => repository === "policy").map(({ differs }) => differs),
    [[]],
  );
  const found = await findProposal(ana.site, made.commit);
  await approve(ana.site, found, made.words, { ...world.review, key: ana.key, clock: world.clock });
  const later = await governanceStatus(ana.site, options);
  assert.deepEqual(later.remotes.find(({ repository }) => repository === "policy")?.differs, [ana.key.did]);
  assert.equal(cleo.name, "cleo");
});
