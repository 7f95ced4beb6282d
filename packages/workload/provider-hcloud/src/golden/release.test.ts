import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger, systemClock } from "@triplane/kit";
import { seededRandom } from "@triplane/testkit";
import { CURRENT_GOLDEN, GOLDEN_LABELS, goldenState, type Server } from "@triplane/vm-pool";
import { AUTHORIZED_KEY, HOST_KEY, type Place, place, TOKEN } from "../testing/place.ts";
import { type GoldenImages, hcloudGoldenImages } from "./images.ts";
import { goldenUserData } from "./recipe.ts";
import { type GoldenRelease, releaseGolden, rollBackGolden } from "./release.ts";

const RECIPE = {
  baseImage: "debian-13",
  packages: ["git"],
  buildkit: { url: "https://example.org/buildkit-v0.32.2.tar.gz", sha256: "ab".repeat(32) },
};
const nowS = (): number => Math.floor(Date.now() / 1000);

function imagesOf(at: Place): GoldenImages {
  return hcloudGoldenImages({
    ...{ token: TOKEN, endpoint: at.simulator.endpoint, clock: systemClock, random: seededRandom(), logger: silentLogger },
    ...{ retryBaseMs: 1, pollMs: 5, actionDeadlineMs: 5000 },
  });
}

function release(at: Place, version: string, more: Partial<GoldenRelease> = {}): GoldenRelease {
  return {
    ...{ images: imagesOf(at), provider: at.provider, offer: at.spec("x").offer, nowS, logger: silentLogger, smoke: async () => undefined },
    build: { version, recipe: RECIPE, offer: { type: "cx23", location: "fsn1" }, deadlineMs: 5000 },
    keys: { authorizedKey: AUTHORIZED_KEY, hostKey: HOST_KEY },
    ...more,
  };
}

async function roles(at: Place): Promise<Record<string, string | undefined>> {
  const images = (await imagesOf(at).list(at.signal)).filter(({ id }) => id !== at.image);
  return Object.fromEntries(images.map(({ labels }) => [labels[GOLDEN_LABELS.version], labels[GOLDEN_LABELS.role]]));
}

async function servers(at: Place): Promise<number> {
  return ((await at.api("GET", "/servers")).body as unknown as { servers: unknown[] }).servers.length;
}

test("releaseGolden: built, booted, proven, promoted; the one before is kept, older ones go, nothing is left running", async () => {
  await using at = await place();
  await at.api("DELETE", `/images/${at.image}`);
  const seen: string[] = [];
  const smoke = async (canary: Server) => {
    seen.push(canary.name);
    assert.equal(canary.state, "running");
  };
  for (const version of ["1", "2", "3"]) {
    const current = await releaseGolden(release(at, version, { smoke }), at.signal);
    assert.equal(current.labels[GOLDEN_LABELS.version], version);
    assert.equal((await at.provider.images(CURRENT_GOLDEN, at.signal))[0]?.id, current.id);
  }
  assert.deepEqual(seen, ["canary-1", "canary-2", "canary-3"]);
  assert.deepEqual(await roles(at), { 2: "previous", 3: "current" });
  assert.equal(await servers(at), 0);
  const { current } = goldenState(await imagesOf(at).list(at.signal), "linux/amd64");
  const refused = await at.api("DELETE", `/images/${current?.id}`);
  assert.equal(refused.status, 423);
});

test("rollBackGolden: the previous one is current, the bad one rejected, and goes with the next release", async () => {
  await using at = await place();
  await at.api("DELETE", `/images/${at.image}`);
  await releaseGolden(release(at, "1"), at.signal);
  await releaseGolden(release(at, "2"), at.signal);
  const back = await rollBackGolden({ images: imagesOf(at), platform: "linux/amd64", nowS }, at.signal);
  assert.equal(back.labels[GOLDEN_LABELS.version], "1");
  assert.deepEqual(await roles(at), { 1: "current", 2: "rejected" });
  await assert.rejects(rollBackGolden({ images: imagesOf(at), platform: "linux/amd64", nowS }, at.signal), {
    code: "provider_failed",
    message: "there is no previous image",
  });
  await releaseGolden(release(at, "3"), at.signal);
  assert.deepEqual(await roles(at), { 1: "previous", 3: "current" });
});

test("releaseGolden: a smoke build that fails leaves the current image current and no canary", async () => {
  await using at = await place();
  await at.api("DELETE", `/images/${at.image}`);
  await releaseGolden(release(at, "1"), at.signal);
  const smoke = () => Promise.reject(new Error("the smoke build failed"));
  await assert.rejects(releaseGolden(release(at, "2", { smoke }), at.signal), { message: "the smoke build failed" });
  assert.deepEqual(await roles(at), { 1: "current", 2: "rejected" });
  assert.equal(await servers(at), 0);
});

test("releaseGolden: a recipe that does not come to its end, a snapshot that fails, a canary that is not to be had: no server is left", async () => {
  await using at = await place({ speed: 200 });
  const { build } = release(at, "1");
  await assert.rejects(releaseGolden(release(at, "1", { build: { ...build, deadlineMs: 50 } }), at.signal), {
    code: "provider_failed",
    message: /has not switched itself off/,
  });
  assert.equal(await servers(at), 0);
  at.simulator.script({ do: "fail", code: "action_failed", when: { command: "create_image" } });
  await assert.rejects(releaseGolden(release(at, "2"), at.signal), { code: "provider_failed", message: /the snapshot of builder/ });
  assert.equal(await servers(at), 0);
  at.simulator.script({ do: "error", code: "resource_unavailable", when: { method: "POST", path: "/servers", name: "canary-*" } });
  await assert.rejects(releaseGolden(release(at, "3"), at.signal), { code: "provider_unavailable" });
  at.simulator.script({ do: "cut", when: { method: "POST", path: "/servers", name: "canary-*" } });
  await assert.rejects(releaseGolden(release(at, "4"), at.signal), { code: "provider_unknown_outcome" });
  assert.equal(await servers(at), 0);
});

test("sweep: builders that a crash left are destroyed when their time is over, and nothing else", async () => {
  await using at = await place();
  const labels = (pool: string, expires: number) => ({ ...at.spec("x").labels, pool, expires: String(expires) });
  for (const [name, own] of [
    ["golden-dead", labels("golden", nowS() - 1)],
    ["golden-alive", labels("golden", nowS() + 1000)],
    ["lease-1", labels("main", nowS() - 1)],
  ] as const)
    await at.api("POST", "/servers", { name, server_type: "cx23", image: "debian-12", labels: own });
  assert.equal(await imagesOf(at).sweep(at.signal), 1);
  assert.equal(await at.provider.find("golden-dead", at.signal), undefined);
  assert.equal(await servers(at), 2);
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

test("goldenUserData: the recipe is names, a URL and a digest; anything else is config_invalid", () => {
  const text = goldenUserData(RECIPE);
  assert.ok(text.includes("golden-ready") && text.includes('"git"') && text.includes(RECIPE.buildkit.sha256));
  for (const bad of [
    { baseImage: "a b" },
    { packages: ["git; id"] },
    { packages: ["--option"] },
    { buildkit: { ...RECIPE.buildkit, url: "http://example.org/x" } },
    { buildkit: { ...RECIPE.buildkit, url: "https://example.org/'; id; '" } },
    { buildkit: { ...RECIPE.buildkit, url: "https://example.org/$(id)" } },
    { buildkit: { ...RECIPE.buildkit, sha256: "x" } },
  ])
    assert.throws(() => goldenUserData({ ...RECIPE, ...bad }), { code: "config_invalid" }, JSON.stringify(bad));
});
