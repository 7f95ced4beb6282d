// docs/how-to/let-the-editor-help.md runs as it is written, with the real nickel program.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { toolOrSkip } from "@triplane/testkit";
import { followSteps } from "../e2e/follow.ts";
import { STEPS_TIMEOUT_MS, stepsIn } from "../e2e/guides.ts";
import { ROOT } from "./support/documents.ts";

test("docs/how-to: contracts check a mode that names one, and a policy from beside", async (context) => {
  const program = await toolOrSkip(context, "nickel");
  if (program === undefined) return;
  const steps = await stepsIn("docs/how-to/let-the-editor-help.md");
  assert.equal(steps.length, 2);
  const cwd = await mkdtemp(join(tmpdir(), "triplane-editor-"));
  try {
    const env = { PATH: [dirname(program), process.env["PATH"]].join(delimiter), PROVISIONING: join(ROOT, "provisioning"), HOME: cwd };
    assert.ok(steps.every(({ promised }) => promised !== undefined));
    const outputs = await followSteps(steps, { cwd, env, timeoutMs: STEPS_TIMEOUT_MS });
    assert.match(outputs[1] ?? "", /exit code 1/);
    assert.equal(JSON.parse(await readFile(join(cwd, "editing/mode.json"), "utf8")).id, "restart-web");
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
});
