// docs/how-to/build-your-first-image.md as it is written, but for ports and addresses that are free here.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { readFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { findTool, freePort } from "@triplane/kit";
import { goldenForTests, whyNoRunners } from "@triplane/provider-local/testing";
import { whyMissing } from "@triplane/registry/testing";
import { firstBrokenPromise } from "../../e2e/alike.ts";
import { installation, ROOT } from "../../e2e/installation.ts";
import { runSteps, type Step, stepsOf } from "../../e2e/markdown-session.ts";
import { run } from "../../e2e/program.ts";

const TIMEOUT_MS = 900_000;
const skip = (await whyNoRunners()) ?? (await whyMissing("zot")) ?? false;

test("docs/how-to: a registry, a pool, a first image, its cache, and more memory than there is", {
  skip,
  timeout: TIMEOUT_MS + 60_000,
}, async () => {
  const written = await readFile(join(ROOT, "docs/how-to/build-your-first-image.md"), "utf8");
  let guide = written.replaceAll("10.201.0.0/24", `10.${randomInt(64, 250)}.${randomInt(0, 255)}.0/24`);
  for (const port of ["5000", "5001", "7700"]) guide = guide.replaceAll(port, String(await freePort()));
  const steps = stepsOf(guide);
  assert.ok(steps.length >= 7, "the guide has lost its blocks");
  await using installed = await installation("guides");
  const path = [dirname((await findTool("zot")).path), installed.env["PATH"] ?? ""].join(delimiter);
  const env = { ...installed.env, PATH: path, GOLDEN: (await goldenForTests()).folder };
  const trap: Step = {
    block: { language: "sh", text: "trap 'kill $(jobs -p) 2> /dev/null || true; wait' EXIT", line: 0 },
    promised: undefined,
  };
  const { exitCode, outputs } = await runSteps([trap, ...steps], { cwd: installed.folder, env, timeoutMs: TIMEOUT_MS });
  const printed = outputs.slice(1);
  const reached = steps[Math.min(printed.length, steps.length) - 1];
  const logs = await run("bash", ["-c", "tail -n 20 *.log"], { cwd: installed.folder, env });
  assert.equal(exitCode, 0, `the block in line ${reached?.block.line} failed:\n${printed.at(-1)}\n${logs.out}`);
  for (const [index, { promised }] of steps.entries()) {
    if (promised === undefined) continue;
    const broken = firstBrokenPromise(promised.text, printed[index] ?? "");
    assert.equal(
      broken,
      undefined,
      `line ${promised.line} promises ${JSON.stringify(broken)}, but this was printed:\n${printed[index]}\n${logs.out}`,
    );
  }
});
