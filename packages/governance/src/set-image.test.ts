import assert from "node:assert/strict";
import { test } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { systemRandom } from "@triplane/kit";
import { propose } from "./propose.ts";
import { openGoverned } from "./repository.ts";
import { reviewCommit } from "./review.ts";
import { setImage, updateStanding } from "./set-image.ts";
import { governanceStatus } from "./status.ts";
import { type Machine, policyFiles, type Town, town } from "./testing/town.ts";
import { approve, findProposal } from "./vote.ts";

const image = (digit: string): string => `reg.example/team/web@sha256:${digit.repeat(64)}`;
const DESIRED = `{ version = 1, workspace = "w1", components = [
  { name = "web", component = "release", settings = { image = "${image("1")}" } },
] }
`;

/** Two of the three approve these files of a repository. */
async function decide(world: Town, name: "policy" | "desired", files: ReadonlyMap<string, string>): Promise<string> {
  const { ana, ben, cleo, clock, review } = world;
  await ana.fetch();
  const repository = await openGoverned(ana.site, name);
  const made = await propose(ana.site, repository, { ...review, key: ana.key, principal: "ana", clock, files, title: "Change" });
  await ana.push();
  for (const each of [ben, cleo]) {
    await each.fetch();
    await approve(each.site, await findProposal(each.site, made.commit.slice(0, 12)), made.words, { ...review, key: each.key, clock });
    await each.push();
  }
  return made.commit;
}

function withRule(world: Town, ci: Machine, version: number, approvals: number): ReadonlyMap<string, string> {
  const text = policyFiles(world, { version }).get("keeper_policy.ncl") ?? "";
  const rule = `{ id = "web-images", automations = ["ci"], targets = ["web"], settings = ["image"], images = ["reg.example/team/*"], approvals = ${approvals}, max_ahead = 2 }`;
  const more = `automations = [{ principal = "ci", keys = ["${ci.key.did}"], scopes = [] }],\n  image_updates = [${rule}],\n  keepers`;
  return new Map([["keeper_policy.ncl", text.replace("keepers", more)]]);
}

test("setImage: what the rule lets through counts on every machine; it says what waits, and refuses what nobody would count", async () => {
  const world = await town();
  const { ana, ben, clock, review } = world;
  const ci = await world.machine("ci");
  const set = (digit: string) =>
    setImage(ci.site, { key: ci.key, clock, target: "web", setting: "image", image: image(digit), checkDesired: () => undefined });
  await decide(world, "policy", withRule(world, ci, 1, 1));
  const first = await decide(world, "desired", new Map([["desired.ncl", DESIRED]]));
  await Promise.all([ana.fetch(), ci.fetch()]);
  assert.equal((await set("1")).unchanged, true);
  await assert.rejects(
    setImage(ana.site, { key: ana.key, clock, target: "web", setting: "image", image: image("2"), checkDesired: () => undefined }),
    { code: "key_unknown" },
  );
  // A check that takes its time stands in the way as well.
  const checkDesired = async () => {
    throw new TriplaneError("args_invalid", "no desired state");
  };
  const unsound = setImage(ci.site, { key: ci.key, clock, target: "web", setting: "image", image: image("2"), checkDesired });
  await assert.rejects(unsound, { code: "args_invalid" });

  const made = await set("2");
  await ci.push();
  assert.deepEqual(await updateStanding(ci.site, made.commit).then(({ standing, missing }) => [standing, missing]), ["waits", 1]);
  await ben.fetch();
  const found = await findProposal(ben.site, made.commit.slice(0, 12));
  assert.deepEqual([found.proposal.missing, found.proposal.update?.rules, found.proposal.update?.changes.length], [1, ["web-images"], 1]);
  const doubted = await reviewCommit(ben.site, found.repository, made.commit, { ...review, checkDesired });
  assert.deepEqual(
    doubted.problems.map(({ code }) => code),
    ["args_invalid"],
  );
  const { reviewed } = await approve(
    ben.site,
    found,
    (await governanceStatus(ben.site, { ...review, random: systemRandom })).repositories[1]?.proposals.find(
      ({ commit }) => commit === made.commit,
    )?.reviewed?.words ?? "",
    {
      ...review,
      key: ben.key,
      clock,
    },
  );
  assert.deepEqual(reviewed.problems, []);
  await ben.push();
  await ci.fetch();
  assert.equal((await updateStanding(ci.site, made.commit)).standing, "accepted");
  const { approved } = await openGoverned(ci.site, "desired");
  assert.deepEqual([approved?.commit, approved?.base], [made.commit, first]);
  await assert.rejects(set("1"), { code: "update_refused", message: /had .* before/ });
  const elsewhere = { key: ci.key, clock, target: "web", setting: "image", checkDesired: () => undefined };
  await assert.rejects(setImage(ci.site, { ...elsewhere, image: `evil.example/web@sha256:${"2".repeat(64)}` }), { code: "args_invalid" });
  await assert.rejects(setImage(ci.site, { ...elsewhere, image: image("3"), target: "kv" }), { code: "args_invalid" });
});
