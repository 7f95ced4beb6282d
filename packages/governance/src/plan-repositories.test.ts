import assert from "node:assert/strict";
import { test } from "node:test";
import { type Did, generateSigningKey } from "@triplane/contract";
import { planRepositories } from "./plan-repositories.ts";

const [ana, ben, controller] = [1, 2, 3].map(() => generateSigningKey().did) as [Did, Did, Did];
const founding = { workspace: "libre-wuji", operators: [ana, ben], controller, threshold: 2 };

test("planRepositories: three repositories; the ledger's only delegate is the controller (`state-repo-single-delegate`)", () => {
  const { policy, desired, state } = planRepositories(founding);
  assert.deepEqual([policy.name, desired.name, state.name], ["policy-libre-wuji", "libre-wuji-desired", "libre-wuji-state"]);
  assert.deepEqual([policy.threshold, desired.threshold, state.threshold], [2, 2, 1]);
  assert.deepEqual([policy.delegates, state.delegates], [[ana, ben], [controller]]);
});

test("planRepositories: a board that one person is, that cannot agree, or that holds a key twice is refused", () => {
  const bad: readonly [object, RegExp][] = [
    [{ threshold: 1 }, /policy\.threshold: one person alone/],
    [{ threshold: 3 }, /policy\.threshold: 3 of 2 cannot be reached/],
    [{ operators: [ana, ana] }, /delegates: a key is there twice/],
    [{ operators: [ana, controller] }, /ops-controller's key decides nothing/],
    [{ operators: [] }, /policy\.delegates/],
    [{ workspace: "Wuji" }, /workspace: must be a workspace's name/],
  ];
  for (const [change, message] of bad)
    assert.throws(() => planRepositories({ ...founding, ...change }), { code: "config_invalid", message }, JSON.stringify(change));
  assert.equal(planRepositories({ ...founding, operators: [ana], threshold: 1, singleOperator: true }).policy.threshold, 1);
});
