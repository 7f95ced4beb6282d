import assert from "node:assert/strict";
import { test } from "node:test";
import type { EvaluatedPolicy, Signer } from "../sources/policy.ts";
import { type GlassRecord, judgeBrokenGlass } from "./broken-glass.ts";

const signer = (principal: string, role: Signer["role"], owner?: string): Signer => ({ principal, role, owner, may: [] });
const policy: EvaluatedPolicy = {
  ...{ clockSkewS: 30, maxLifetimeS: 3600, workspace: "w1", ratified: [], ratifyWithinS: new Map([["night", 60]]) },
  signers: new Map([
    ["ana", signer("ana", "operator")],
    ["sealed", signer("ana", "break_glass")],
    ["scout", signer("scout", "agent", "ana")],
    ["ben", signer("ben", "operator")],
    ["keeper", signer("keeper-1", "keeper")],
  ]),
};

let index = 0;
type Said = Partial<NonNullable<GlassRecord["decision"]>>;
function record(key: string, acceptedAtS: number, more: Partial<GlassRecord> = {}, said: Said = {}): GlassRecord {
  index += 1;
  const decision = { kind: "admission", basis: "auto", rule: "routine", signer: "keeper", approvals: [], ...said } as const;
  const about = { index, subject: `op-${index}`, outcome: "applied", code: undefined, acceptedAtS };
  return { ...about, decision: { ...decision, policy: { commit: "c" }, op: { key } }, ...more };
}
const broke = (acceptedAtS: number, more: Partial<GlassRecord> = {}): GlassRecord =>
  record("sealed", acceptedAtS, { subject: "broke", ...more }, { basis: "break_glass", rule: "night", signer: "sealed" });
const told = (records: readonly GlassRecord[], ratified: readonly string[] = []): readonly string[] =>
  judgeBrokenGlass(records, (commit) => (commit === "c" ? policy : undefined), new Set(ratified)).violations.map(({ what }) => what);
const FROZEN = { outcome: "refused", code: "actor_frozen" };

test("judgeBrokenGlass: what a frozen person, their agent or their hand got through is found; others and earlier ops are not", () => {
  const fine = [broke(100), record("ana", 159), record("ben", 500), record("ana", 500, FROZEN), record("scout", 500, FROZEN)];
  assert.deepEqual(told(fine), []);
  assert.match(told([broke(100), record("ana", 160)])[0] ?? "", /let something of ana through, who was frozen: nobody ratified broke/);
  assert.equal(told([broke(100), record("scout", 160)]).length, 1);
  assert.equal(told([broke(100), record("ben", 160, {}, { signer: "ana" })]).length, 1);
  assert.equal(told([broke(100), broke(160, { subject: "again" })]).length, 1);
});

test("judgeBrokenGlass: ratified, or never applied, freezes nobody", () => {
  assert.deepEqual(told([broke(100), record("ana", 900)], ["broke"]), []);
  assert.deepEqual(told([broke(100, { outcome: "refused", code: "token_expired" }), record("ana", 900)]), []);
});

test("judgeBrokenGlass: a refusal as frozen needs somebody who was", () => {
  assert.match(told([record("ana", 500, FROZEN)])[0] ?? "", /nobody of it was/);
  assert.match(told([broke(100), record("ben", 500, FROZEN)])[0] ?? "", /nobody of it was/);
  assert.equal(told([broke(100), record("ana", 159, FROZEN)]).length, 1);
  assert.deepEqual(told([broke(100), record("ben", 500, FROZEN, { approvals: [{ key: "ana" }] })]), []);
});

test("judgeBrokenGlass: a rule that is none for breaking the glass is found", () => {
  const [what = ""] = told([record("sealed", 1, {}, { basis: "break_glass", rule: "routine", signer: "sealed" })]);
  assert.match(what, /which is no rule for that/);
});
