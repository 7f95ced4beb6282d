// The orchestrator as a program, with real runners on this machine.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { generateSigningKey, verifyToken } from "@triplane/contract";
import { writeKeyFile } from "@triplane/kit";
import { goldenForTests, leftovers, whyNoRunners } from "@triplane/provider-local/testing";
import { tempDir } from "@triplane/testkit";
import { eventually } from "../testing.ts";
import { poolDaemon, poolPlace } from "./testing/pool-daemon.ts";

const skip = (await whyNoRunners()) ?? false;

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith("."));
}

test("--vm-pool-provider local: a runner is leased, shows its host key, carries a registry token, and is gone when it is given back", {
  skip,
}, async () => {
  await using folder = await tempDir("pool");
  const golden = await goldenForTests();
  const place = await poolPlace(join(folder.path, "data"));
  const runners = join(folder.path, "runners");
  const key = generateSigningKey();
  await writeKeyFile(join(folder.path, "registry.key"), key);
  await using daemon = await poolDaemon(place, [
    ...["--vm-pool-provider", "local", "--local-runners-dir", runners, "--local-golden-dir", golden.folder],
    ...["--local-network", `10.${randomInt(64, 250)}.${randomInt(0, 255)}.0/24`, "--local-scale", "8", "--vm-pool-reap-s", "1"],
    ...["--registry", "registry.test:5000", "--registry-key-file", join(folder.path, "registry.key")],
  ]);
  const asked = await daemon.spawn({ build_id: "b1", tier: "cx52", may_pull: ["images/acme/base"] });
  assert.deepEqual([asked.state, asked.registry_access], ["creating", undefined]);
  assert.deepEqual((await daemon.spawn({ build_id: "b1", tier: "cx52", may_pull: ["images/acme/base"] })).lease_id, asked.lease_id);

  const ready = await daemon.until(asked.lease_id, "ready");
  assert.deepEqual(
    [ready.provider, ready.server_type, ready.location, ready.port, ready.tier],
    ["local", "local-cx52", "local", 22, "cx52"],
  );
  assert.match(ready.host_key ?? "", /^ssh-ed25519 /);
  assert.equal(ready.cost_cents, undefined, "nothing is billed here");
  const repositories = ["images/acme/api", "cache/acme/api", "images/acme/base"];
  const access = ready.registry_access;
  assert.deepEqual([access?.registry, access?.repositories, access?.expires_at], ["registry.test:5000", repositories, ready.expires_at]);
  const token = verifyToken(access?.token ?? "", "registry+jwt");
  const claims = token.payload as {
    readonly exp: number;
    readonly lease: string;
    readonly access: readonly { name: string; actions: string[] }[];
  };
  assert.deepEqual([token.kid, claims.exp, claims.lease], [key.did, ready.expires_at, ready.lease_id]);
  assert.deepEqual(claims.access.find(({ name }) => name === "images/acme/base")?.actions, ["pull"]);
  const asReader = await daemon.request(`/api/v1/vm-pool/${ready.lease_id}`, { token: place.reader });
  assert.equal(asReader.json["registry_access"], undefined, "whoever may only read gets no token");

  assert.deepEqual(await namesIn(runners), [ready.lease_id]);
  const { id } = JSON.parse(await readFile(join(runners, ready.lease_id, "runner.json"), "utf8")) as { readonly id: string };
  assert.deepEqual(
    (await daemon.list()).leases.map(({ lease_id }) => lease_id),
    [ready.lease_id],
  );
  await daemon.release(ready.lease_id);
  const gone = await daemon.until(ready.lease_id, "gone");
  assert.deepEqual([gone.code, gone.host, gone.registry_access], [undefined, undefined, undefined]);
  assert.equal((await daemon.release(ready.lease_id)).state, "gone");
  assert.deepEqual(await daemon.list(), { leases: [], orphans: 0 });
  await eventually("no folder is left", async () => (await namesIn(runners)).length === 0 || undefined);
  // A process that has ended is listed until its parent has taken note of it.
  await eventually("nothing of the runner is left", async () => (await leftovers(id, runners)).length === 0 || undefined);
});
