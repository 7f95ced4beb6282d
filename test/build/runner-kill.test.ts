// The orchestrator dies in the middle of making a runner: the next one finds what there is and leaves nothing. `runner-always-destroyed`
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { leftovers, type TestRunners, testRunners, whyNoRunners } from "@triplane/provider-local/testing";
import { eventually } from "@triplane/testkit";
import type { ServerSpec } from "@triplane/vm-pool";

const NEVER = new AbortController().signal;
const skip = (await whyNoRunners()) ?? false;
const DYING = join(import.meta.dirname, "../../packages/workload/provider-local/src/testing/dying-create.ts");
const STEPS = ["prepared", "recorded", "fenced", "created", "started", "connected", "announced"] as const;
const SIZE = { type: "small", cpus: 2, memoryMib: 768 };

describe("runner-always-destroyed: after kill -9 of the process that makes a runner", { skip }, () => {
  for (const [at, step] of STEPS.entries()) {
    it(`after the step ${step} nothing is left once it is destroyed`, async () => {
      await using runners = await testRunners([SIZE]);
      const spec = await runners.spec(at + 1);
      const died = await create(runners, spec, step);
      assert.equal(died.last, step);
      const provider = await runners.open();
      const found = await provider.find(spec.name, NEVER);
      assert.equal(found?.state, step === "prepared" ? undefined : step === "announced" ? "running" : "starting");
      assert.deepEqual(
        (await provider.list("pool-a", NEVER)).map(({ id }) => id),
        found === undefined ? [] : [found.id],
      );
      if (found !== undefined) await provider.destroy(found.id, NEVER);
      await nothingLeft(found?.id, runners);
      // The name is free again.
      if (step === "created") await provider.destroy((await provider.create(spec, NEVER)).id, NEVER);
    });
  }

  it("at any moment, also while a helper is still at it, nothing is left once it is destroyed", async () => {
    await using runners = await testRunners([SIZE]);
    for (let number = 1; number <= 12; number += 1) {
      const spec = await runners.spec(50 + number);
      await create(runners, spec, "none", 40 * number);
      const provider = await runners.open();
      const found = await provider.find(spec.name, NEVER);
      if (found !== undefined) await provider.destroy(found.id, NEVER);
      await provider.list("pool-a", NEVER);
      await nothingLeft(found?.id, runners);
    }
  });
});

/** Ends when the process is dead: by itself after a step, or by us so long after its first step. */
async function create(runners: TestRunners, spec: ServerSpec, dieAfter: string, killAfterMs?: number): Promise<{ readonly last: string }> {
  const child = spawn(process.execPath, [DYING, JSON.stringify(runners.settings), JSON.stringify(spec), dieAfter], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let seen = "";
  let killing: Promise<void> | undefined;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    seen += text;
    if (killAfterMs === undefined) return;
    killing ??= pause(killAfterMs).then(() => void child.kill("SIGKILL"));
  });
  await new Promise((resolve) => child.once("close", resolve));
  await killing;
  return { last: seen.trim().split("\n").at(-1) ?? "" };
}

async function nothingLeft(id: string | undefined, runners: TestRunners): Promise<void> {
  const folder = runners.settings.runnersFolder;
  const look = async (): Promise<readonly string[]> => [
    ...(id === undefined ? [] : await leftovers(id, folder)),
    ...(await readdir(folder)).map((name) => `file ${name}`),
  ];
  await eventually(async () => (await look()).length === 0, { timeoutMs: 5000 }).catch(() => undefined);
  assert.deepEqual(await look(), []);
}
