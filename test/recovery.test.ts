import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { followSteps } from "./e2e/follow.ts";
import { GUIDE_TIMEOUT_MS, STEPS_TIMEOUT_MS, stepsIn } from "./e2e/guides.ts";
import { installation } from "./e2e/installation.ts";
import { run } from "./e2e/program.ts";

describe("docs/how-to/recover.md", () => {
  it("pitfall 2: every block runs, in order, with real losses, and prints what the guide says", {
    timeout: GUIDE_TIMEOUT_MS,
  }, async () => {
    const steps = await stepsIn("docs/how-to/recover.md");
    assert.ok(steps.length >= 10, "the guide has lost its blocks");
    await using installed = await installation("recover");
    try {
      await followSteps(steps, { cwd: installed.folder, env: installed.env, timeoutMs: STEPS_TIMEOUT_MS });
      // The guide lets pass what cannot be judged; what can be has to hold.
      const verdict = await readFile(join(installed.folder, "check.log"), "utf8");
      assert.doesNotMatch(verdict, /VIOLATED/);
      assert.match(verdict, /✔ every-command-lands {2}holds/);
      assert.match(verdict, /✔ applied-once {2}holds/);
    } finally {
      await run(installed.program("triplane"), ["down"], { cwd: installed.folder, env: installed.env });
    }
  });
});
