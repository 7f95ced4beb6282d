import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenServerLabels, promoteCandidate, prune, releaseGolden, rollBackGolden, sweep } from "@triplane/golden";
import { fakeShell, goldenRoles, partsFor } from "@triplane/golden/testing";
import { silentLogger, systemClock } from "@triplane/kit";
import { seededRandom, tempDir } from "@triplane/testkit";
import { CURRENT_GOLDEN, GOLDEN_LABELS, goldenState } from "@triplane/vm-pool";
import { type Place, place, TOKEN } from "../testing/place.ts";
import { type HcloudImagesOptions, hcloudGoldenImages } from "./images.ts";
import { goldenUserData } from "./recipe.ts";

const RECIPE = {
  baseImage: "debian-13",
  packages: ["git"],
  buildkit: { url: "https://example.org/buildkit-v0.32.2.tar.gz", sha256: "ab".repeat(32) },
};
const BUILDER = "golden-0123456789ab";
const nowS = (): number => Math.floor(Date.now() / 1000);

function imagesOf(at: Place, more: Partial<HcloudImagesOptions> = {}) {
  return hcloudGoldenImages({
    ...{ token: TOKEN, endpoint: at.simulator.endpoint, clock: systemClock, random: seededRandom(), logger: silentLogger },
    ...{ retryBaseMs: 1, pollMs: 5, actionDeadlineMs: 5000, recipe: RECIPE, platform: "linux/amd64" as const, buildWithinMs: 5000 },
    ...more,
  });
}

/** A project without an image, and commands on it. */
async function project(simulated: Parameters<typeof place>[0] = {}) {
  const at = await place(simulated);
  await at.api("DELETE", `/images/${at.image}`);
  const folder = await tempDir("golden-hcloud");
  const said: string[] = [];
  let seed = 0;
  const parts = (more: Parameters<typeof partsFor>[1] = {}, images = imagesOf(at)) => {
    seed += 1;
    const say = (line: string): void => void said.push(line);
    return partsFor({ images, provider: at.another(), folder: folder.path, seed: String(seed) }, { say, ...more });
  };
  return {
    ...{ at, said, parts, signal: at.signal },
    build: (more: Parameters<typeof partsFor>[1] = {}, images = imagesOf(at)) =>
      releaseGolden(parts(more, images), { promote: true }, at.signal),
    roles: () => goldenRoles(imagesOf(at), at.signal),
    servers: async () => ((await at.api("GET", "/servers")).body as unknown as { servers: { name: string }[] }).servers,
    [Symbol.asyncDispose]: async () => {
      await at[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test("releaseGolden: built, booted, proven, promoted; the one before is kept, older ones go, nothing is left running", async () => {
  await using its = await project();
  const { shell, logins } = fakeShell({ silent: 2 });
  for (const expected of [["current"], ["previous", "current"], ["previous", "current"]]) {
    const { image, packages, contents } = await its.build({ shell });
    assert.equal(packages, 2);
    assert.match(contents.file ?? "", /\.spdx\.json$/);
    assert.deepEqual(await its.roles(), expected);
    assert.equal((await its.at.provider.images(CURRENT_GOLDEN, its.signal))[0]?.id, image.id);
  }
  assert.ok(logins.every(({ address, hostKey }) => address.port === 22 && hostKey.startsWith("ssh-ed25519 ")));
  assert.equal(new Set(logins.map(({ hostKey }) => hostKey)).size, 3);
  assert.deepEqual(await its.servers(), []);
  const { current } = goldenState(await imagesOf(its.at).list(its.signal), "linux/amd64");
  assert.equal((await its.at.api("DELETE", `/images/${current?.id}`)).status, 423);
});

test("rollBackGolden: the previous image is current and the bad one is removed; a second time there is nothing to go back to", async () => {
  await using its = await project();
  const first = await its.build();
  await its.build();
  const back = await rollBackGolden(its.parts(), its.signal);
  assert.equal(back.image.id, first.image.id);
  assert.deepEqual(await its.roles(), ["current"]);
  await assert.rejects(rollBackGolden(its.parts(), its.signal), { code: "golden_refused", message: "there is no previous image" });
});

test("releaseGolden: a smoke build that fails, a wrong host key, a canary that never answers: golden_smoke_failed, and nothing of the candidate is left", async () => {
  await using its = await project();
  await its.build();
  for (const [more, message] of [
    [{ shell: fakeShell({ broken: "runc: exec format error" }).shell }, /the smoke build failed: error: runc: exec format error/],
    [{ shell: fakeShell({ wrongHostKey: true }).shell }, /does not have the host key/],
    [{ shell: fakeShell({ silent: 1e9 }).shell, bootWithinMs: 50 }, /was not ready after 0 s: Connection refused/],
  ] as const) {
    await assert.rejects(its.build(more), { code: "golden_smoke_failed", message });
    assert.deepEqual([await its.roles(), await its.servers()], [["current"], []]);
  }
  await assert.rejects(its.build({ shell: fakeShell({ contents: "suite:x\nrm -rf /\n" }).shell }), { code: "golden_contents" });
  assert.deepEqual([await its.roles(), await its.servers()], [["current"], []]);
});

test("releaseGolden: a recipe that does not come to its end, a snapshot that fails: no server is left", async () => {
  await using its = await project({ speed: 200 });
  await assert.rejects(its.build({}, imagesOf(its.at, { buildWithinMs: 50 })), {
    code: "provider_failed",
    message: /has not switched itself off/,
  });
  its.at.simulator.script({ do: "fail", code: "action_failed", when: { command: "create_image" } });
  await assert.rejects(its.build(), { code: "provider_failed", message: /the snapshot of builder/ });
  await assert.rejects(its.build({}, imagesOf(its.at, { recipe: undefined })), { code: "config_invalid" });
  assert.deepEqual([await its.roles(), await its.servers()], [[], []]);
});

test("releaseGolden: sold out, lost answers, rate limits, deletions that fail: it goes on, and nothing is left", async () => {
  await using its = await project();
  const { simulator } = its.at;
  simulator.script({ do: "unavailable", when: { server_type: "cx23", location: "fsn1" } });
  simulator.script({ do: "cut", point: "after", when: { method: "POST", path: "/servers", name: "golden-*" } });
  simulator.script({ do: "cut", point: "after", when: { method: "POST", path: "/servers", name: "canary-*" } });
  simulator.script({ do: "error", code: "rate_limit_exceeded", when: { method: "GET" }, times: 3 });
  simulator.script({ do: "error", code: "server_error", when: { method: "DELETE", path: "/servers/*" }, times: 2 });
  const { image } = await its.build();
  assert.equal(image.labels[GOLDEN_LABELS.role], "current");
  assert.deepEqual([await its.roles(), await its.servers()], [["current"], []]);
  assert.ok(its.said.some((line) => line.includes("failed, again")));
  // A runner may have the smallest disk: no builder has a larger one, even if that can be had.
  simulator.script({ do: "unavailable", when: { server_type: "cx23" } });
  await assert.rejects(its.build(), { code: "provider_unavailable" });
});

test("sweep: what carries the builder's label is nobody's; what belongs to others goes when its time is over", async () => {
  await using its = await project();
  const server = (name: string, builder: string, expires: number) =>
    its.at.api("POST", "/servers", { name, server_type: "cx23", image: "debian-12", labels: goldenServerLabels(name, builder, expires) });
  await server("golden-mine", BUILDER, nowS() + 1000);
  await server("golden-dead", "golden-ba9876543210", nowS() - 1);
  await server("golden-alive", "golden-ba9876543210", nowS() + 1000);
  await its.at.api("POST", "/servers", { name: "lease-1", server_type: "cx23", image: "debian-12", labels: its.at.spec("lease-1").labels });
  assert.deepEqual((await sweep(its.parts(), its.signal)).toSorted(), ["server golden-dead", "server golden-mine"]);
  assert.deepEqual((await its.servers()).map(({ name }) => name).sort(), ["golden-alive", "lease-1"]);
});

test("releaseGolden without a promotion leaves a proven candidate, which promoteCandidate makes current, and prune leaves alone", async () => {
  await using its = await project();
  await its.build();
  const { image, previous } = await releaseGolden(its.parts(), { promote: false }, its.signal);
  assert.deepEqual([await its.roles(), previous?.labels[GOLDEN_LABELS.role]], [["current", "candidate"], "current"]);
  assert.deepEqual(await prune(its.parts(), its.signal), { removed: [], inUse: [] });
  await promoteCandidate(its.parts(), image.id, its.signal);
  assert.deepEqual(await its.roles(), ["previous", "current"]);
});

test("remove: what is current or previous stays, and so does what is not ours", async () => {
  await using at = await place();
  const images = imagesOf(at);
  const of = (labels: Record<string, string>) => ({ id: at.image, createdAtS: 0, platform: "linux/amd64" as const, labels });
  for (const labels of [
    { "managed-by": "triplane", golden: "current" },
    { "managed-by": "triplane", golden: "previous" },
    { golden: "retired" },
    {},
  ])
    await assert.rejects(images.remove(of(labels), at.signal), { code: "provider_failed" });
  await images.remove(of({ "managed-by": "triplane", golden: "retired" }), at.signal);
  await images.remove(of({ "managed-by": "triplane", golden: "retired" }), at.signal);
});

test("goldenUserData: the recipe is names, a URL and a digest; anything else is config_invalid", async () => {
  const text = await goldenUserData(RECIPE);
  for (const part of ["golden-ready", '"git"', RECIPE.buildkit.sha256, "/usr/local/bin/runner-stats", "STEP_MEMORY_BYTES="])
    assert.ok(text.includes(part), part);
  for (const bad of [
    { baseImage: "a b" },
    { packages: ["git; id"] },
    { packages: ["--option"] },
    { buildkit: { ...RECIPE.buildkit, url: "http://example.org/x" } },
    { buildkit: { ...RECIPE.buildkit, url: "https://example.org/'; id; '" } },
    { buildkit: { ...RECIPE.buildkit, url: "https://example.org/$(id)" } },
    { buildkit: { ...RECIPE.buildkit, sha256: "x" } },
  ])
    await assert.rejects(goldenUserData({ ...RECIPE, ...bad }), { code: "config_invalid" }, JSON.stringify(bad));
});
