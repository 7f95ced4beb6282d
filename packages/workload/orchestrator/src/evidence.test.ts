import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { canonicalJson, digestOf } from "@triplane/contract";
import { changedIn, stateDigest } from "./changed-evidence.ts";
import { evidenceOf, type StepOutcome } from "./evidence.ts";
import type { TargetRecord } from "./model.ts";

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

const changedTo = (count: number, settings: (index: number) => Record<string, string>): TargetRecord[] =>
  Array.from({ length: count }, (_, index) => ({
    target: `target-${index}`,
    version: index + 1,
    state: {
      ...{ component: "web", version: "1.0.0", definition: digestOf("release"), replicas: 1, managed_by: "desired" },
      ...{ settings: settings(index), generation: "g", endpoints: [`http://127.0.0.1:${21_000 + index}`] },
    },
  }));

test("evidenceOf: a rebuild reads the changed states back, exactly, whichever form they fit in", () => {
  for (const count of [0, 1, 8, 40]) {
    const changed = changedTo(count, () => ({ title: "Hello" }));
    const evidence = evidenceOf(
      changed.map(({ target }) => step(target, true)),
      5,
      changed,
    );
    assert.ok(canonicalJson(evidence).length <= 4096);
    assert.deepEqual(changedIn(evidence), { whole: changed, digests: [], complete: true }, `${count} targets`);
  }
});

test("evidenceOf: removed targets are changes, too", () => {
  const changed: TargetRecord[] = [{ target: "web", version: 3, state: undefined }];
  assert.deepEqual(changedIn(evidenceOf([step("web", true)], 5, changed)).whole, changed);
});

test("evidenceOf: states that fit in no form leave their digests, and say when not even these are all", () => {
  const unpackable = (index: number) => ({ title: [1, 2, 3, 4, 5].map((part) => digestOf(`${index} ${part}`)).join() });
  const some = changedIn(evidenceOf([], 5, changedTo(25, unpackable)));
  assert.deepEqual([some.whole.length, some.digests.length, some.complete], [0, 25, true]);
  const [first] = changedTo(1, unpackable);
  assert.equal(some.digests[0]?.digest, stateDigest(first?.state ?? null));
  const many = changedIn(evidenceOf([step("bad", false)], 5, changedTo(200, unpackable)));
  assert.deepEqual([many.digests.length, many.complete], [25, false]);
});

test("changedIn: evidence of another making is incomplete, and a packed bomb is not unpacked", () => {
  assert.equal(changedIn({ steps: [] }).complete, false);
  assert.equal(changedIn({ omitted_bytes: 5 }).complete, false);
  const bomb = deflateRawSync(Buffer.alloc(64 * 1024 * 1024)).toString("base64url");
  assert.deepEqual(changedIn({ changed_packed: bomb }), { whole: [], digests: [], complete: false });
});
