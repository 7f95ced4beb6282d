import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { followSteps } from "./e2e/follow.ts";
import { GUIDE_TIMEOUT_MS, STEPS_TIMEOUT_MS, stepsIn } from "./e2e/guides.ts";
import { installation } from "./e2e/installation.ts";
import { run } from "./e2e/program.ts";

describe("docs/tutorial/first-op.md", () => {
  it("every block runs, in order, and prints what the tutorial says", { timeout: GUIDE_TIMEOUT_MS }, async () => {
    const steps = await stepsIn("docs/tutorial/first-op.md");
    assert.ok(steps.length >= 15, "the tutorial has lost its blocks");
    for (const { block, promised } of steps)
      assert.ok(promised !== undefined, `the block in line ${block.line} does not say what it prints`);
    await using installed = await installation("tutorial");
    try {
      await followSteps(steps, { cwd: installed.folder, env: installed.env, timeoutMs: STEPS_TIMEOUT_MS });
    } finally {
      await run(installed.program("triplane"), ["down"], { cwd: installed.folder, env: installed.env });
    }
  });
});
