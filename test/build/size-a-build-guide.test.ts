import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type PoolDaemon, poolDaemon, poolPlace, simulatedHcloud } from "@triplane/orchestrator/testing";
import { eventually, tempDir } from "@triplane/testkit";
import { followSteps } from "../e2e/follow.ts";
import { GUIDE_TIMEOUT_MS, STEPS_TIMEOUT_MS, stepsIn } from "../e2e/guides.ts";
import { installation } from "../e2e/installation.ts";

/** Of six runs, in GiB. */
const PEAKS = [4.2, 4.3, 4.3, 4.4, 4.4, 4.7];

/** A run of which only the report matters. */
async function report(daemon: PoolDaemon, run: number, gib: number): Promise<void> {
  const key = { repo: "acme/api", target: "", platform: "linux/amd64", build_id: `b${run}` } as const;
  const { lease_id } = await daemon.spawn({ ...key, tier: "cx32" });
  await eventually(async () => ((await daemon.lease(lease_id)).server_type === undefined ? undefined : true), {
    ...{ timeoutMs: 120_000, what: "the machine is there" },
  });
  const seconds = { queued: 0, booting: 5, context: 1, build: 60, push: 4, cache: 1 };
  const body = {
    ...{ ...key, lease_id, tier: "cx32", outcome: "built", peak_memory_mib: gib * 1024, oom_kills: 0, seconds },
    ...{ cached_steps: 0, steps: 9, finished_at: 1_700_000_000 + run },
  };
  assert.equal((await daemon.send("/api/v1/vm-pool/metrics", body)).status, 204);
  await daemon.release(lease_id);
}

test("docs/how-to/size-a-build.md: every block runs and prints what the guide says", { timeout: GUIDE_TIMEOUT_MS }, async () => {
  await using folder = await tempDir("size-guide");
  await using cloud = await simulatedHcloud(folder.path);
  const place = await poolPlace(join(folder.path, "data"));
  await using daemon = await poolDaemon(place, [...cloud.options, "--vm-pool-reap-s", "1"]);
  for (const [run, gib] of PEAKS.entries()) await report(daemon, run, gib);
  await eventually(async () => ((await daemon.list()).leases.length === 0 ? true : undefined), { timeoutMs: 120_000, what: "no lease" });
  await writeFile(join(folder.path, "build.token"), place.reader, { mode: 0o600 });

  const steps = await stepsIn("docs/how-to/size-a-build.md");
  assert.ok(steps.length >= 4, "the guide has lost its blocks");
  await using installed = await installation("guides");
  await followSteps(steps, {
    cwd: installed.folder,
    env: {
      ...installed.env,
      TRIPLANE_BUILD_ORCHESTRATOR_URL: `http://127.0.0.1:${place.port}`,
      TRIPLANE_BUILD_TOKEN_FILE: join(folder.path, "build.token"),
    },
    timeoutMs: STEPS_TIMEOUT_MS,
  });
});
