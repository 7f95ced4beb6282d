import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { firstBrokenPromise } from "./e2e/alike.ts";
import { installation, ROOT } from "./e2e/installation.ts";
import { runSteps, stepsOf } from "./e2e/markdown-session.ts";
import { run } from "./e2e/program.ts";

const TIMEOUT_MS = 540_000;

describe("docs/how-to/recover.md", () => {
  it("pitfall 2: every block runs, in order, with real losses, and prints what the guide says", {
    timeout: TIMEOUT_MS + 60_000,
  }, async () => {
    const steps = stepsOf(await readFile(join(ROOT, "docs/how-to/recover.md"), "utf8"));
    assert.ok(steps.length >= 10, "the guide has lost its blocks");
    await using installed = await installation("recover");
    try {
      const { outputs, exitCode } = await runSteps(steps, { cwd: installed.folder, env: installed.env, timeoutMs: TIMEOUT_MS });
      const reached = steps[Math.min(outputs.length, steps.length) - 1];
      assert.equal(exitCode, 0, `the block in line ${reached?.block.line} failed:\n${outputs.at(-1)}`);
      for (const [index, { promised }] of steps.entries()) {
        if (promised === undefined) continue;
        const output = outputs[index] ?? "";
        const broken = firstBrokenPromise(promised.text, output);
        assert.equal(broken, undefined, `line ${promised.line} promises ${JSON.stringify(broken)}, but this was printed:\n${output}`);
      }
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
