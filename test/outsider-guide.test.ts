import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { eventually } from "@triplane/testkit";
import { firstBrokenPromise } from "./e2e/alike.ts";
import { installation, ROOT } from "./e2e/installation.ts";
import { runSteps, stepsOf } from "./e2e/markdown-session.ts";
import { run } from "./e2e/program.ts";

const GUIDE = "docs/how-to/verify-as-an-outsider.md";
const TIMEOUT_MS = 240_000;

describe(GUIDE, () => {
  it("every block runs beside a workspace that did something, and prints what the guide says", {
    timeout: TIMEOUT_MS + 60_000,
  }, async () => {
    const steps = stepsOf(await readFile(join(ROOT, GUIDE), "utf8"));
    assert.ok(steps.length >= 7, "the guide has lost its blocks");
    await using installed = await installation("outsider");
    const env = { ...installed.env, TRIPLANE: ROOT };
    const triplane = (...args: readonly string[]) => run(installed.program("triplane"), args, { cwd: installed.folder, env });
    try {
      for (const args of [
        ["init"],
        ["up", "--detach"],
        ["op", "submit", "component.deploy", "web", "--arg", "component=web", "--as", "ana", "--wait"],
      ]) {
        const { code, err } = await triplane(...args);
        assert.equal(code, 0, `${args.join(" ")}: ${err}`);
      }
      // Until the desired state is applied as well: then two records are in the ledger.
      await eventually(async () => (await triplane("drift")).code === 0, {
        what: "the workspace to settle",
        timeoutMs: 60_000,
        intervalMs: 500,
      });
      const { outputs, exitCode } = await runSteps(steps, { cwd: installed.folder, env, timeoutMs: TIMEOUT_MS });
      const reached = steps[Math.min(outputs.length, steps.length) - 1];
      assert.equal(exitCode, 0, `the block in line ${reached?.block.line} failed:\n${outputs.at(-1)}`);
      for (const [index, step] of steps.entries()) {
        if (step.promised === undefined) continue;
        const output = outputs[index] ?? "";
        const broken = firstBrokenPromise(step.promised.text, output);
        assert.equal(broken, undefined, `line ${step.promised.line} promises ${JSON.stringify(broken)}, but this was printed:\n${output}`);
      }
    } finally {
      await triplane("down");
    }
  });
});
