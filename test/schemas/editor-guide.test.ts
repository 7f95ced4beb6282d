// docs/how-to/let-the-editor-help.md runs as it is written, with the real nickel program.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { toolOrSkip } from "@triplane/testkit";
import { firstBrokenPromise } from "../e2e/alike.ts";
import { runSteps, stepsOf } from "../e2e/markdown-session.ts";
import { ROOT } from "./support/documents.ts";

test("docs/how-to: contracts check a mode that names one, and a policy from beside", async (context) => {
  const program = await toolOrSkip(context, "nickel");
  if (program === undefined) return;
  const steps = stepsOf(await readFile(join(ROOT, "docs/how-to/let-the-editor-help.md"), "utf8"));
  assert.equal(steps.length, 2);
  const cwd = await mkdtemp(join(tmpdir(), "triplane-editor-"));
  try {
    const env = { PATH: [dirname(program), process.env["PATH"]].join(delimiter), PROVISIONING: join(ROOT, "provisioning"), HOME: cwd };
    const { outputs, exitCode } = await runSteps(steps, { cwd, env, timeoutMs: 120_000 });
    assert.equal(exitCode, 0, outputs.at(-1));
    for (const [index, { promised }] of steps.entries()) {
      assert.ok(promised !== undefined);
      const broken = firstBrokenPromise(promised.text, outputs[index] ?? "");
      assert.equal(broken, undefined, `line ${promised.line} promises ${JSON.stringify(broken)}:\n${outputs[index]}`);
    }
    assert.match(outputs[1] ?? "", /exit code 1/);
    assert.equal(JSON.parse(await readFile(join(cwd, "editing/mode.json"), "utf8")).id, "restart-web");
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
});
