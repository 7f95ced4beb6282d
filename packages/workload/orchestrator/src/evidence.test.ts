import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson } from "@triplane/contract";
import { evidenceOf, type StepOutcome } from "./evidence.ts";

const step = (target: string, ok: boolean): StepOutcome => ({
  change: { target, action: "create", before: undefined, after: undefined },
  result: ok
    ? { ok, endpoints: [`http://127.0.0.1:1/${"x".repeat(60)}`], evidence: {} }
    : { ok, message: "m".repeat(5000), evidence: { exit_code: 3 } },
});

test("evidenceOf: stays small with many targets, and keeps what failed", () => {
  const outcomes = [...Array.from({ length: 200 }, (_, index) => step(`t${index}`, true)), step("bad", false)];
  const evidence = evidenceOf(outcomes, 5);
  assert.ok(canonicalJson(evidence).length <= 4096);
  const [first] = evidence["steps"] as readonly { readonly target: string; readonly message: string }[];
  assert.equal(first?.target, "bad");
  assert.equal(first?.message.length, 300);
  assert.ok(Number(evidence["steps_left_out"]) > 100);
});

test("evidenceOf: one step that is too large alone is only counted", () => {
  const outcome = step("web", true);
  const huge = { ...outcome, result: { ok: true as const, endpoints: ["x".repeat(5000)], evidence: {} } };
  assert.deepEqual(evidenceOf([huge], 1), { duration_ms: 1, steps: [], steps_left_out: 1 });
});
