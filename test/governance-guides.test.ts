import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { firstBrokenPromise } from "./e2e/alike.ts";
import { installation, ROOT } from "./e2e/installation.ts";
import { runSteps, type Step, stepsOf } from "./e2e/markdown-session.ts";
import { run } from "./e2e/program.ts";

const TIMEOUT_MS = 540_000;

async function guide(name: string): Promise<readonly Step[]> {
  return stepsOf(await readFile(join(ROOT, "docs/how-to", `${name}.md`), "utf8"));
}

async function runGuides(names: readonly string[]): Promise<void> {
  const steps = (await Promise.all(names.map(guide))).flat();
  assert.ok(steps.length >= 7, "the guides have lost their blocks");
  await using installed = await installation("governance");
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
  } finally {
    if (names.includes("change-the-policy"))
      await run(installed.program("triplane"), ["down"], { cwd: installed.folder, env: installed.env });
  }
}

describe("guides to governance", () => {
  it("three people on three machines start a governed workspace, and add and replace an operator", { timeout: TIMEOUT_MS + 60_000 }, () =>
    runGuides(["start-a-governed-workspace", "add-an-operator"]),
  );

  it(
    "a policy change goes from a proposal over two approvals to an op that is decided under it, on running planes",
    {
      timeout: TIMEOUT_MS + 60_000,
    },
    () => runGuides(["change-the-policy"]),
  );
});
