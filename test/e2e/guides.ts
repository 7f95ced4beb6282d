// Runs how-to guides as one session in a fresh folder.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { followSteps } from "./follow.ts";
import { installation, ROOT } from "./installation.ts";
import { type Step, stepsOf } from "./markdown-session.ts";
import { run } from "./program.ts";

/** Of the steps of a document, on a machine on which much else runs; alone they take a fifth of it. */
export const STEPS_TIMEOUT_MS = 680_000;
/** Of its test: what is before and after the steps, and above all the time to say what they were cut off at. */
export const GUIDE_TIMEOUT_MS = 860_000;

/** `file`: from the root of the repository. */
export async function stepsIn(file: string): Promise<readonly Step[]> {
  return stepsOf(await readFile(join(ROOT, file), "utf8"));
}

/** The blocks of guides that belong together, one after another; planes that they started are stopped. */
export async function runGuides(names: readonly string[]): Promise<void> {
  const steps = (await Promise.all(names.map((name) => stepsIn(`docs/how-to/${name}.md`)))).flat();
  assert.ok(steps.length >= 5, "the guides have lost their blocks");
  await using installed = await installation("guides");
  const { folder: cwd, env } = installed;
  try {
    await followSteps(steps, { cwd, env, timeoutMs: STEPS_TIMEOUT_MS });
  } finally {
    if (steps.some(({ block }) => block.text.includes("triplane up"))) await run(installed.program("triplane"), ["down"], { cwd, env });
  }
}
