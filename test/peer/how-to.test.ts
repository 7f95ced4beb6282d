import assert from "node:assert/strict";
import { delimiter } from "node:path";
import { describe, it } from "node:test";
import { followSteps } from "../e2e/follow.ts";
import { GUIDE_TIMEOUT_MS, STEPS_TIMEOUT_MS, stepsIn } from "../e2e/guides.ts";
import { installation } from "../e2e/installation.ts";
import { run } from "../e2e/program.ts";
import { programs } from "./programs.ts";

describe("peer: docs/how-to/run-radicle-seeds.md", () => {
  it("every block runs, in order, and prints what the guide says", { timeout: GUIDE_TIMEOUT_MS }, async (context) => {
    const found = await programs(context);
    if (found === undefined) return;
    const steps = await stepsIn("docs/how-to/run-radicle-seeds.md");
    assert.ok(steps.length >= 6, "the guide has lost its blocks");
    await using installed = await installation("seeds");
    const env = { ...installed.env, PATH: `${found.path}${delimiter}${installed.env["PATH"] ?? ""}` };
    try {
      await followSteps(steps, { cwd: installed.folder, env, timeoutMs: STEPS_TIMEOUT_MS });
    } finally {
      await run(installed.program("triplane"), ["down"], { cwd: installed.folder, env });
    }
  });
});
