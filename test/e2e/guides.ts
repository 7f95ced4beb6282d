// Runs how-to guides as one session in a fresh folder, and holds what they print against what they promise.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { firstBrokenPromise } from "./alike.ts";
import { installation, ROOT } from "./installation.ts";
import { runSteps, type Step, stepsOf } from "./markdown-session.ts";
import { run } from "./program.ts";

/** For a machine on which much else runs; alone it takes a fifth of it. */
export const GUIDE_TIMEOUT_MS = 800_000;

async function guide(name: string): Promise<readonly Step[]> {
  return stepsOf(await readFile(join(ROOT, "docs/how-to", `${name}.md`), "utf8"));
}

/** The blocks of guides that belong together, one after another; planes that they started are stopped. */
export async function runGuides(names: readonly string[]): Promise<void> {
  const steps = (await Promise.all(names.map(guide))).flat();
  assert.ok(steps.length >= 5, "the guides have lost their blocks");
  await using installed = await installation("guides");
  const { folder: cwd, env } = installed;
  try {
    const { outputs, exitCode } = await runSteps(steps, { cwd, env, timeoutMs: GUIDE_TIMEOUT_MS });
    const reached = steps[Math.min(outputs.length, steps.length) - 1];
    assert.equal(exitCode, 0, `the block in line ${reached?.block.line} failed:\n${outputs.at(-1)}`);
    for (const [index, { promised }] of steps.entries()) {
      if (promised === undefined) continue;
      const output = outputs[index] ?? "";
      const broken = firstBrokenPromise(promised.text, output);
      assert.equal(broken, undefined, `line ${promised.line} promises ${JSON.stringify(broken)}, but this was printed:\n${output}`);
    }
  } finally {
    if (steps.some(({ block }) => block.text.includes("triplane up"))) await run(installed.program("triplane"), ["down"], { cwd, env });
  }
}
