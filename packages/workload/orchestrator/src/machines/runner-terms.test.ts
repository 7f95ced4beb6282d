import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { SpawnRequest } from "@triplane/contract";
import { readNickelFile } from "@triplane/nickel";
import { buildkitRunnerSchema, RUNNER_COMPONENT } from "../catalog/buildkit-runner.ts";
import { testHome } from "../testing.ts";
import { assertWithinTerms, readRunnerTerms, withinTerms } from "./runner-terms.ts";

const CATALOG = fileURLToPath(new URL("../../../../../provisioning/catalog/components", import.meta.url));

test("buildkit-runner: the catalogue's component is what the pool understands", () => {
  const definition = buildkitRunnerSchema.parse(readNickelFile(join(CATALOG, RUNNER_COMPONENT), "component.ncl").json);
  assert.equal(definition.name, RUNNER_COMPONENT);
});

test("withinTerms: what an op deployed bounds every lease from then on; removed, the pool's own limits stand alone", async () => {
  await using home = await testHome();
  const orchestrator = await home.start({ catalogDir: CATALOG });
  const asked: string[] = [];
  const pool = {
    spawn: async ({ tier }: SpawnRequest) => {
      asked.push(tier);
      return { created: true };
    },
  };
  const bounded = withinTerms(pool as unknown as Parameters<typeof withinTerms>[0], home.path);
  const spawn = (tier: string, ttlS: number) => bounded.spawn({ tier, ttl_s: ttlS } as SpawnRequest);
  await spawn("cx52", 86_400);
  const settings = { largest_tier: "cx32", max_ttl_s: 3600 };
  assert.equal(
    (await orchestrator.apply("component.deploy", RUNNER_COMPONENT, { component: RUNNER_COMPONENT, settings })).status,
    "applied",
  );
  assert.deepEqual(await readRunnerTerms(home.path), settings);
  await spawn("cx32", 3600);
  await assert.rejects(spawn("cx42", 600), { code: "runner_not_allowed", message: /cx42 .* up to cx32/ });
  await assert.rejects(spawn("cx22", 3601), { code: "runner_not_allowed", message: /3601 s .* 3600 s/ });
  assert.equal((await orchestrator.apply("component.remove", RUNNER_COMPONENT, {})).status, "applied");
  await spawn("cx52", 86_400);
  assert.deepEqual(asked, ["cx52", "cx32", "cx52"]);
});

test("readRunnerTerms: settings that are none allow nothing (`no-fail-open`)", async () => {
  await using home = await testHome();
  await mkdir(join(home.path, "files"), { recursive: true });
  const file = join(home.path, "files", `${RUNNER_COMPONENT}.json`);
  const rejects = async (text: string) => {
    await writeFile(file, text);
    await assert.rejects(readRunnerTerms(home.path), { code: "runner_not_allowed" }, text);
  };
  await rejects("{");
  await rejects(JSON.stringify({ component: RUNNER_COMPONENT, settings: { largest_tier: "huge", max_ttl_s: 60 } }));
  await rejects(JSON.stringify({ component: "flags", settings: { largest_tier: "cx22", max_ttl_s: 60 } }));
  assert.doesNotThrow(() => assertWithinTerms({ tier: "cx52", ttl_s: 86_400 }, undefined));
});
