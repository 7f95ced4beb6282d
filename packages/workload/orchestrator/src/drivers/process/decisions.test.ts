import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { initialHealth, nextHealth } from "./health-state.ts";
import { decideRestart } from "./restart-policy.ts";

const limits = { healthy_after: 2, unhealthy_after: 3, start_timeout_ms: 1000 };

function run(probes: readonly boolean[], stepMs: number): readonly string[] {
  let state = initialHealth(0);
  return probes.map((ok, index) => {
    const next = nextHealth(state, ok, (index + 1) * stepMs, limits);
    state = next.state;
    return next.verdict;
  });
}

test("nextHealth: healthy after successes in a row, unhealthy after failures in a row", () => {
  assert.deepEqual(run([true, false, true, true], 10), ["unchanged", "unchanged", "unchanged", "became-healthy"]);
  const verdicts = run([true, true, false, false, true, false, false, false], 10);
  assert.equal(verdicts.at(-1), "became-unhealthy");
  assert.equal(verdicts.filter((verdict) => verdict === "became-unhealthy").length, 1);
});

test("nextHealth: who is not healthy in time has failed to start; who became healthy has all the time", () => {
  assert.deepEqual(run([false, false], 500), ["unchanged", "start-timeout"]);
  assert.deepEqual(run([true, true, true, true], 900), ["unchanged", "became-healthy", "unchanged", "unchanged"]);
});

test("decideRestart: never more restarts in any window than the policy allows", () => {
  const policy = { max: 3, window_ms: 1000, backoff_base_ms: 10, backoff_max_ms: 50 };
  const random = { bytes: (count: number) => new Uint8Array(count).fill(255) };
  fc.assert(
    fc.property(fc.array(fc.nat(400), { maxLength: 40 }), (gaps) => {
      let nowMs = 0;
      let history: readonly number[] = [];
      const restarts: number[] = [];
      for (const gap of gaps) {
        nowMs += gap;
        const decision = decideRestart(history, nowMs, policy, random);
        history = decision.history;
        if (!decision.restart) continue;
        restarts.push(nowMs);
        assert.ok(decision.afterMs <= policy.backoff_max_ms);
      }
      for (const end of restarts) assert.ok(restarts.filter((at) => at > end - 1000 && at <= end).length <= policy.max);
    }),
  );
});

test("decideRestart: a policy of none restarts nothing", () => {
  const policy = { max: 0, window_ms: 1000, backoff_base_ms: 10, backoff_max_ms: 50 };
  assert.equal(decideRestart([], 0, policy, { bytes: (count) => new Uint8Array(count) }).restart, false);
});
