import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { generateSigningKey } from "@triplane/contract";
import { failsWith, nth } from "../testing.ts";
import { isApprovedDesired } from "./approved-desired.ts";
import { desired, image, type Name, REPOSITORY, RULES, scene } from "./scene.ts";

const isApproved = async (at: Awaited<ReturnType<typeof scene>>, commit: string) =>
  await isApprovedDesired(at.repo.repoDir, at.repo, commit, { head: await at.head(), policy: at.policy().policy, minThreshold: 2 });

describe("attack: who decides about the desired state", () => {
  it("attack: CI keys that would reach M alone, with seats among the delegates: they are no people", async () => {
    const at = await scene(["ana", "ben", "cleo", "ci", "nightly"]);
    const evil = await at.write(desired(image("e", "evil.example/x"), image("2")), at.first, "ci");
    await at.vote(evil, "ci", "nightly", "ana");
    assert.equal((await at.head()).commit, at.first);
    assert.equal(await isApproved(at, evil), false);
    await at.vote(evil, "ben");
    assert.equal((await at.head()).commit, evil);
  });

  it("attack: one person with two keys, and a threshold below two", async () => {
    const at = await scene();
    const next = await at.write(desired(image("3"), image("2")), at.first);
    await at.vote(next, "ana", "anaPhone");
    assert.equal((await at.head()).commit, at.first);
    await assert.rejects((await scene(["ana", "ben"], 1)).head(), failsWith("delegates_invalid"));
  });
});

describe("attack: a CI key that is stolen", () => {
  /** Commits that the CI's key signs on the first one, as its own head; the head that people's readers see then. */
  async function tries(at: Awaited<ReturnType<typeof scene>>, files: Readonly<Record<string, string>>, by: Name = "ci") {
    const commit = await at.write(files, at.first, by);
    await at.vote(commit, by);
    return { commit, head: await at.head() };
  }

  it("attack: CI key stolen: another file, field, component, repository, an older image, or no digest at all counts for nothing", async () => {
    const at = await scene();
    const base = desired(image("1"), image("3"));
    const text = nth(Object.values(base), 0);
    const wrong: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      ["another repository", desired(image("1"), image("3", "evil.example/team/web"))],
      ["a repository that looks alike", desired(image("1"), image("3", "reg.example/team2/web"))],
      ["replicas besides", { "desired.ncl": text.replaceAll("replicas = 1", "replicas = 2") }],
      ["another setting besides", { "desired.ncl": text.replaceAll('"blue"', '"green"') }],
      ["a component more", desired(image("1"), image("3"), '\n{ name = "x", component = "release" },')],
      ["a comment besides", { "desired.ncl": text.replace("what web runs", "what nobody reads") }],
      ["a file more", { ...base, "more.ncl": "{}" }],
      ["a tag", desired(image("1"), `${REPOSITORY}:latest`)],
      ["no data", { "desired.ncl": "let x = 1 in x" }],
      ["the image that it has", desired(image("1"), image("2"))],
    ];
    for (const [what, files] of wrong) {
      const { commit, head } = await tries(at, files);
      assert.equal(head.commit, at.first, what);
      assert.equal(await isApproved(at, commit), false, what);
    }
    assert.equal((await tries(at, base)).head.updates.length, 1);
  });

  it("attack: CI key stolen: what needs a person stays where it is without one, and one step outside hides behind none inside", async () => {
    const at = await scene();
    const { commit, head } = await tries(at, desired(image("3"), image("2")));
    assert.equal(head.commit, at.first);
    // A step that needs a person, under one that needs none: the person is needed all the same.
    const above = await at.write(desired(image("3"), image("4")), commit, "ci");
    await at.vote(above, "ci");
    assert.equal((await at.head()).commit, at.first);
    await at.vote(above, "cleo");
    assert.deepEqual([(await at.head()).commit, (await at.head()).signedBy], [above, [at.keys.cleo.did]]);
    // There and back again: the way matters, not where it ends.
    const evil = await at.write(desired(image("3"), image("4", "evil.example/x")), above, "ci");
    const back = await at.write(desired(image("3"), image("5")), evil, "ci");
    for (const each of [evil, back]) await at.vote(each, "ci");
    assert.equal((await at.head()).commit, above);
  });

  it("attack: CI key stolen: no more updates in a row than the rule says, and none back to an image that was there", async () => {
    const at = await scene();
    let parent = at.first;
    const heads: string[] = [];
    for (const digit of ["3", "4", "5", "6"]) {
      parent = await at.write(desired(image("1"), image(digit)), parent, "ci");
      await at.vote(parent, "ci");
      heads.push((await at.head()).commit);
    }
    assert.deepEqual([new Set(heads).size, heads[3]], [3, heads[2]]);
    await at.vote(nth(heads, 2), "ana", "ben");
    const older = await at.write(desired(image("1"), image("3")), nth(heads, 2), "ci");
    await at.vote(older, "ci");
    assert.equal((await at.head()).commit, heads[2]);
    const newer = await at.write(desired(image("1"), image("7")), nth(heads, 2), "ci");
    await at.vote(newer, "ci");
    assert.equal((await at.head()).commit, newer);
  });

  it("attack: CI key stolen: commits of others, that its key did not sign as its own head, are no updates", async () => {
    const at = await scene();
    const step = await at.write(desired(image("1"), image("3")), at.first, "ci");
    const above = await at.write(desired(image("1"), image("4")), step, "ci");
    await at.vote(above, "ci");
    assert.equal((await at.head()).commit, at.first);
    // Nor does a stranger's head, whatever the commit.
    await at.vote(step, "cleo");
    assert.equal((await at.head()).commit, at.first);
  });

  it("attack: CI key stolen: people outrank it, and what no person approved is undone when its key leaves the policy", async () => {
    const at = await scene();
    const { commit: update } = await tries(at, desired(image("1"), image("3")));
    assert.equal((await at.head(undefined, at.first)).commit, update);
    assert.equal(await isApproved(at, update), true);
    // While it goes on, two people approve something that does not follow it.
    const other = await at.write(desired(image("9"), image("2")), at.first);
    await at.vote(other, "ana", "ben");
    const head = await at.head(undefined, at.first);
    assert.deepEqual([head.commit, head.base, head.updates], [other, other, []]);
    assert.equal(await isApproved(at, update), false);

    const again = await scene();
    const { commit } = await tries(again, desired(image("1"), image("3")));
    assert.equal((await again.head()).commit, commit);
    assert.equal((await again.head(again.policy(RULES, generateSigningKey()), again.first)).commit, again.first);
    assert.equal((await again.head(again.policy("[]"), again.first)).commit, again.first);
  });

  it("what one person approved for the CI counts, and stays approved below what people approve later", async () => {
    const at = await scene();
    const { commit: update } = await tries(at, desired(image("3"), image("2")));
    await at.vote(update, "ben");
    const head = await at.head();
    assert.deepEqual([head.commit, head.base, head.signedBy], [update, at.first, [at.keys.ben.did]]);
    assert.deepEqual(
      head.updates.map(({ principal, rule, changes }) => [principal, rule, changes.map(({ target, to }) => `${target} ${to}`)]),
      [["ci", "web-images", [`web ${image("3")}`]]],
    );
    const next = await at.write(desired(image("3"), image("9")), update);
    await at.vote(next, "ana", "cleo");
    assert.deepEqual([(await at.head()).commit, await isApproved(at, update), await isApproved(at, at.first)], [next, true, true]);
  });

  it("two automations that fork: the longer line counts, the other is ignored", async () => {
    const at = await scene();
    const { commit: one } = await tries(at, desired(image("1"), image("3")), "nightly");
    const { commit: two } = await tries(at, desired(image("1"), image("4")), "ci");
    assert.ok([one, two].includes((await at.head()).commit));
    const above = await at.write(desired(image("1"), image("5")), two, "ci");
    await at.vote(above, "ci");
    assert.equal((await at.head()).commit, above);
  });
});
