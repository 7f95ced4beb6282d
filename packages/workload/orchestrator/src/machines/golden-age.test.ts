// The orchestrator as a program refuses runners from an image that is missing or too old, and makes them again once there is a new one.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startSimulator } from "@triplane/hcloud-sim";
import { skewClock, tempDir } from "@triplane/testkit";
import { eventually } from "../testing.ts";
import { poolDaemon, poolPlace } from "./testing/pool-daemon.ts";

const TOKEN = "token-of-the-project";
const DAY_MS = 24 * 3600 * 1000;
/** The pool asks for images once a minute. */
const ASKS_AGAIN_MS = 61_000;

test("golden_image_missing, golden_image_old after 14 days, and a lease from one of 13: as the image is when somebody asks", async () => {
  let agoMs = 0;
  await using simulator = await startSimulator({ token: TOKEN, speed: 2000, clock: { nowMs: () => Date.now() - agoMs } });
  await using folder = await tempDir("golden-age");
  const tokenFile = join(folder.path, "hcloud.token");
  await writeFile(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  const ask = async (method: string, path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const answer = await fetch(`${simulator.endpoint}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    assert.ok(answer.ok, text);
    return text === "" ? {} : JSON.parse(text);
  };
  /** A snapshot of that age, made current. */
  const image = async (days: number): Promise<number> => {
    agoMs = days * DAY_MS;
    const { server } = await ask("POST", "/servers", { name: `golden-${days}`, server_type: "cx23", image: "debian-13" });
    const status = async (): Promise<string> => (await ask("GET", `/servers/${server.id}`)).server.status;
    await eventually("the builder runs", async () => (await status()) === "running" || undefined);
    const labels = { "managed-by": "triplane", golden: "current", "golden-promoted": String(1_000_000 - days) };
    const made = await ask("POST", `/servers/${server.id}/actions/create_image`, { labels });
    await eventually("the snapshot", async () => (await ask("GET", `/images/${made.image.id}`)).image.status === "available" || undefined);
    await ask("DELETE", `/servers/${server.id}`);
    return made.image.id;
  };
  const place = await poolPlace(join(folder.path, "data"));
  const cloud = ["--vm-pool-provider", "hcloud", "--hcloud-token-file", tokenFile, "--hcloud-endpoint", simulator.endpoint];
  await using daemon = await poolDaemon(place, [...cloud, "--vm-pool-reap-s", "1"], true);
  const refused = async (build: string): Promise<unknown> => {
    const body = {
      repo: "acme/api",
      target: "",
      platform: "linux/amd64",
      tier: "cx22",
      ttl_s: 600,
      ssh_public_key: `ssh-ed25519 ${"A".repeat(68)}`,
    };
    const { status, json } = await daemon.request("/api/v1/vm-pool/spawn", { method: "POST", body: { build_id: build, ...body } });
    return status === 503 ? json["code"] : status;
  };
  assert.equal(await refused("b1"), "golden_image_missing");
  await image(15);
  agoMs = 0;
  assert.equal(await refused("b1"), "golden_image_missing", "what was found is remembered for a while");
  await skewClock(place.faults, ASKS_AGAIN_MS);
  await eventually("the old image is seen, and refused", async () => (await refused("b2")) === "golden_image_old" || undefined, 60_000);
  assert.deepEqual(await daemon.list(), { leases: [], orphans: 0 });
  const fresh = await image(13);
  agoMs = 0;
  await skewClock(place.faults, 2 * ASKS_AGAIN_MS);
  const lease = await eventually("a lease", () => daemon.spawn({ build_id: "b3" }).catch(() => undefined), 60_000);
  await eventually("its server", async () => {
    const { servers } = await ask("GET", `/servers?name=${lease.lease_id}`);
    return servers[0]?.image?.id === fresh || undefined;
  });
  await daemon.release(lease.lease_id);
  assert.equal((await daemon.until(lease.lease_id, "gone")).state, "gone");
  assert.deepEqual((await ask("GET", "/servers")).servers, []);
});
