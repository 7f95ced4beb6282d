import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunView } from "@triplane/reflection";
import { renderRun, renderRunList } from "./render.ts";

const HOSTILE = "fine\nstate  passed\u001b[2K\u202edessap\u200b";
const AT = "2026-01-05T09:00:00.000Z";

function run(changes: Partial<RunView> = {}, evidence: Partial<RunView["steps"][number]["evidence"][number]> = {}): RunView {
  return {
    ...{ id: "r", mode: "m", task: HOSTILE, actor: "Agent", state: "open", startedAt: AT, parameters: { host: HOSTILE } },
    ...{ preconditions: [], postconditions: [], ready: [] },
    steps: [
      {
        ...{ id: "s", action: "a", actor: "Agent", state: "fail", waitsFor: [] },
        evidence: [{ attempt: 1, startedAt: AT, endedAt: AT, actor: "Agent", output: HOSTILE, ...evidence }],
      },
    ],
    ...changes,
  };
}

test("renderRun: what an agent wrote is framed as an agent's, and cannot pass for lines of the page", () => {
  const page = renderRun(run(), { outputs: true });
  assert.equal(page.match(/written by an agent, unverified/g)?.length, 3, "task, parameters, output");
  assert.match(page, /s failed \(an agent reported, unverified\)/);
  assert.equal(page.split("\n").filter((line) => /^\s*state {2}/.test(line)).length, 1);
  assert.doesNotMatch(page + renderRunList([run()]), /(?!\n)[\p{Cc}\p{Cf}]/u);
});

test("renderRun: what a person wrote, and what a command printed, is not", () => {
  const page = renderRun(run({ actor: "Human", task: "look" }, { exitCode: 1 }), { outputs: true });
  assert.doesNotMatch(page, /unverified/);
  assert.match(page, /s failed with exit code 1/);
});
