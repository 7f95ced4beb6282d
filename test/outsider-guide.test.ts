import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eventually } from "@triplane/testkit";
import { followSteps } from "./e2e/follow.ts";
import { GUIDE_TIMEOUT_MS, STEPS_TIMEOUT_MS, stepsIn } from "./e2e/guides.ts";
import { installation, ROOT } from "./e2e/installation.ts";
import { run } from "./e2e/program.ts";

const GUIDE = "docs/how-to/verify-as-an-outsider.md";

describe(GUIDE, () => {
  it("every block runs beside a workspace that did something, and prints what the guide says", {
    timeout: GUIDE_TIMEOUT_MS,
  }, async () => {
    const steps = await stepsIn(GUIDE);
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
      await followSteps(steps, { cwd: installed.folder, env, timeoutMs: STEPS_TIMEOUT_MS });
    } finally {
      await triplane("down");
    }
  });
});
