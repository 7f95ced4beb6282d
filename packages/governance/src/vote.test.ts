import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "@triplane/kit";
import { changeNamespace } from "@triplane/ledger";
import { proposalsOf } from "./proposals.ts";
import { propose } from "./propose.ts";
import { openGoverned } from "./repository.ts";
import { reviewCommit } from "./review.ts";
import { repoDirOf } from "./site.ts";
import { governanceStatus } from "./status.ts";
import { approvedOn, policyFiles, put, town, vote } from "./testing/town.ts";
import { approve, findProposal, reject } from "./vote.ts";

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
    code: "delegate_required",
  });
  // What `rad patch open` leaves in a namespace, here of somebody without a vote, is a proposal as well.
  const target = { repo: repoDirOf(dora.site, "policy"), key: dora.key, clock };
  await changeNamespace(target, (refs) => new Map([...refs, [`refs/heads/patches/${first.commit}`, first.commit]]));
  const { proposal } = await findProposal(dora.site, first.commit);
  assert.deepEqual([proposal.via, proposal.proposedBy, proposal.approvedBy], [["proposal", "patch"], [ana.key.did, dora.key.did], []]);
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

test("findProposal: throws proposal_unknown for what nobody signed, and for what is no id", async () => {
  const { ana } = await town();
  for (const id of ["0123abcd", "../x", "ab"]) await assert.rejects(findProposal(ana.site, id), { code: "proposal_unknown" });
});
