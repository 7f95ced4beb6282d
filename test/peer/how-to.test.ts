import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { describe, it } from "node:test";
import { firstBrokenPromise } from "../e2e/alike.ts";
import { installation, ROOT } from "../e2e/installation.ts";
import { runSteps, type Step, stepsOf } from "../e2e/markdown-session.ts";
import { run } from "../e2e/program.ts";
import { programs } from "./programs.ts";

const TIMEOUT_MS = 400_000;

describe("peer: docs/how-to/run-radicle-seeds.md", () => {
  it("every block runs, in order, and prints what the guide says", { timeout: TIMEOUT_MS + 60_000 }, async (context) => {
    const found = await programs(context);
    if (found === undefined) return;
    const steps = stepsOf(await readFile(join(ROOT, "docs/how-to/run-radicle-seeds.md"), "utf8"));
    assert.ok(steps.length >= 6, "the guide has lost its blocks");
    await using installed = await installation("seeds");
    const env = { ...installed.env, PATH: `${found.path}${delimiter}${installed.env["PATH"] ?? ""}` };
    try {
      // A guide that breaks off must not leave its seeds behind.
      const trap: Step = {
        block: { language: "sh", text: "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT", line: 0 },
        promised: undefined,
      };
      const session = await runSteps([trap, ...steps], { cwd: installed.folder, env, timeoutMs: TIMEOUT_MS });
      const { exitCode } = session;
      const outputs = session.outputs.slice(1);
      const reached = steps[Math.min(outputs.length, steps.length) - 1];
      const logs = await run("bash", ["-c", "tail -n 20 *.log"], { cwd: installed.folder, env });
      assert.equal(exitCode, 0, `the block in line ${reached?.block.line} failed:\n${outputs.at(-1)}\n${logs.out}`);
      for (const [index, step] of steps.entries()) {
        if (step.promised === undefined) continue;
        const output = outputs[index] ?? "";
        const broken = firstBrokenPromise(step.promised.text, output);
        assert.equal(broken, undefined, `line ${step.promised.line} promises ${JSON.stringify(broken)}, but this was printed:\n${output}`);
      }
    } finally {
      await run(installed.program("triplane"), ["down"], { cwd: installed.folder, env });
    }
  });
});
