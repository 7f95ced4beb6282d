import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { firstBrokenPromise } from "./e2e/alike.ts";
import { installation, ROOT } from "./e2e/installation.ts";
import { runSteps, stepsOf } from "./e2e/markdown-session.ts";
import { run } from "./e2e/program.ts";

const TIMEOUT_MS = 240_000;

describe("docs/tutorial/first-op.md", () => {
  it("every block runs, in order, and prints what the tutorial says", { timeout: TIMEOUT_MS + 60_000 }, async () => {
    const steps = stepsOf(await readFile(join(ROOT, "docs/tutorial/first-op.md"), "utf8"));
    assert.ok(steps.length >= 15, "the tutorial has lost its blocks");
    await using installed = await installation("tutorial");
    try {
      const { outputs, exitCode } = await runSteps(steps, { cwd: installed.folder, env: installed.env, timeoutMs: TIMEOUT_MS });
      const reached = steps[Math.min(outputs.length, steps.length) - 1];
      assert.equal(exitCode, 0, `the block in line ${reached?.block.line} failed:\n${outputs.at(-1)}`);
      for (const [index, step] of steps.entries()) {
        assert.ok(step.promised !== undefined, `the block in line ${step.block.line} does not say what it prints`);
        const output = outputs[index] ?? "";
        const broken = firstBrokenPromise(step.promised.text, output);
        assert.equal(broken, undefined, `line ${step.promised.line} promises ${JSON.stringify(broken)}, but this was printed:\n${output}`);
      }
    } finally {
      await run(installed.program("triplane"), ["down"], { cwd: installed.folder, env: installed.env });
    }
  });
});
