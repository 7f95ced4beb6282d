import assert from "node:assert/strict";
import { test } from "node:test";
import { addUse, countFacts, MAX_USES } from "./facts.ts";
import type { Use } from "./records.ts";
import { world } from "./testing/world.ts";

const { policy } = world();
const JTI = "0190a5e0-0000-7000-8000-000000000000";
const use = (at: number, rule?: string): Use => ({ at, jti: JTI.replace(/0$/, "1"), ...(rule === undefined ? {} : { rule }) });
const count = (uses: readonly Use[], principal = "ana", nowS = 10_000) => countFacts({ policy, principal, uses, jti: JTI, nowS });

test("countFacts: only rules with a rate are counted, each over its own window whose far end is excluded", () => {
  const uses = [use(6400, "deploys"), use(6401, "deploys"), use(9000, "deploys"), use(9000, "routine"), use(9000)];
  assert.deepEqual(count(uses), { recent_auto: { deploys: 2 } });
});

test("countFacts: an agent's budget counts everything it was let through with, also to people", () => {
  assert.deepEqual(count([use(9000, "routine"), use(9500)], "scout"), { recent_auto: {}, budget_used: 2 });
});

test("countFacts: an op does not count against itself", () => {
  assert.deepEqual(count([{ at: 9999, jti: JTI, rule: "deploys" }]), { recent_auto: {} });
});

test("addUse: keeps what a rate still counts, and no more than fits a record", () => {
  const by = { policy, principal: "ana", nowS: 10_000 };
  assert.deepEqual(addUse([use(1, "deploys"), use(9000, "deploys")], use(10_000, "deploys"), by), [
    use(9000, "deploys"),
    use(10_000, "deploys"),
  ]);
  const many = Array.from({ length: MAX_USES }, () => use(9000, "deploys"));
  assert.equal(addUse(many, use(10_000, "deploys"), by).length, MAX_USES);
});

test("addUse: what no rate counts takes no place from what one counts", () => {
  const by = { policy, principal: "ana", nowS: 10_000 };
  const unrated = Array.from({ length: MAX_USES }, () => use(9999, "routine"));
  assert.deepEqual(addUse([use(9000, "deploys"), ...unrated], use(10_000, "routine"), by), [use(9000, "deploys")]);
});

test("addUse: everything an agent was let through with stays as long as its budget counts it", () => {
  assert.deepEqual(addUse([use(9999, "routine")], use(10_000), { policy, principal: "scout", nowS: 10_000 }), [
    use(9999, "routine"),
    use(10_000),
  ]);
});
