import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, generateSigningKey, type OpClaims, type SigningKey, signOp, uuid7, verifyOp } from "@triplane/contract";
import { loadPolicy, type Policy } from "@triplane/policy";
import { impactOf, lostGuards } from "./impact.ts";
import type { LedgeredOp } from "./past-ops.ts";

const RID = "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5";
const NOW_S = 1_790_000_000;
const [ana, ben, keeper, controller] = [generateSigningKey(), generateSigningKey(), generateSigningKey(), generateSigningKey()];

function policy(rules: string): Policy {
  const operator = (name: string, key: SigningKey) =>
    `{ principal = "${name}", keys = ["${key.did}"], groups = ["ops"], scopes = ["all"], may = ['Approve] }`;
  const pin = `{ rid = "${RID}", root = "${"b".repeat(40)}" }`;
  return loadPolicy(
    new Map([
      [
        "keeper_policy.ncl",
        `{ version = 1, workspace = "w1", policy_version = 1, limits = { max_lifetime_s = 3600, clock_skew_s = 30 },
  operators = [${operator("ana", ana)}, ${operator("ben", ben)}], keepers = [{ name = "keeper", keys = ["${keeper.did}"] }],
  scopes = [{ name = "all", kinds = ["component.*"], targets = ["*"] }], ${rules},
  pins = { desired = ${pin}, state = ${pin}, controller = "${controller.did}" } }`,
      ],
    ]),
  ).policy;
}

let count = 0;

function ledgered(op: string, target: string, atS: number): LedgeredOp {
  count += 1;
  const random = new Uint8Array(10);
  new DataView(random.buffer).setUint32(4, count);
  const claims: Omit<OpClaims, "iss"> = {
    ...{ aud: `w1/${RID}`, jti: uuid7(atS * 1000, random), iat: atS, exp: atS + 60, seq: count, op, target, scope: "all" },
    expected_state_version: 0,
    args: {},
  };
  const policyRef = { rid: RID, commit: "a".repeat(40), digest: digestOf("p") };
  return { subject: claims.jti, op: verifyOp(signOp(claims, ana)), approvals: [], policyRef, decidedAtS: atS };
}

const AUTO = `{ id = "routine", kinds = ["component.deploy"], targets = ["*"] }`;
const ASK = `{ id = "removal", kinds = ["component.remove"], targets = ["*"], approvals = 1, groups = ["ops"] }`;
const inForce = policy(`review = [${ASK}], auto_sign = [${AUTO}]`);

test("impactOf: groups past ops by how they would fare, the most dangerous change first, with an example of each kind", () => {
  const ops = [
    ledgered("component.restart", "web", NOW_S - 100),
    ledgered("component.remove", "web", NOW_S - 90),
    ledgered("component.deploy", "web", NOW_S - 80),
    ledgered("component.deploy", "web", NOW_S - 70),
    ledgered("component.deploy", "db", NOW_S - 60),
    ledgered("component.deploy", "old", NOW_S - 100_000),
  ];
  const proposed = policy(
    `deny = [{ id = "no-db", kinds = ["*"], targets = ["db"], why = "It rests." }],
     review = [{ id = "deploys", kinds = ["component.deploy"], targets = ["web"], approvals = 1, groups = ["ops"] }],
     auto_sign = [${AUTO}, { id = "more", kinds = ["component.restart", "component.remove"], targets = ["*"] }]`,
  );
  const impact = impactOf(inForce, proposed, { ops, undecided: 2 }, NOW_S - 1000);
  assert.deepEqual(
    impact.groups.map(({ change, count: how, examples }) => [change, how, examples.map(({ op, target }) => `${op} ${target}`)]),
    [
      ["newly_allowed", 1, ["component.restart web"]],
      ["no_longer_asked", 1, ["component.remove web"]],
      ["newly_asked", 2, ["component.deploy web"]],
      ["newly_denied", 1, ["component.deploy db"]],
    ],
  );
  assert.deepEqual([impact.ops, impact.undecided], [5, 2]);
  assert.equal(impact.groups[0]?.examples[0]?.principal, "ana");
  assert.deepEqual(
    impact.weaker.map(({ rule, people, peopleBefore }) => [rule, people, peopleBefore]),
    [
      ["more", 0, undefined],
      ["deploys", 1, undefined],
    ],
  );
  assert.deepEqual(impact.lostGuards, [{ rule: "removal", list: "review", what: "it is gone" }]);
});

test("lostGuards: a rule that asks fewer, covers less, holds for fewer issuers or at other times is named; a stricter one is not (CVE-2026-128037)", () => {
  const withReview = (rule: string) => policy(`review = [${rule}], auto_sign = [${AUTO}]`);
  const rule = (changes: string) => `{ id = "removal", kinds = ["component.remove"], groups = ["ops"], ${changes} }`;
  const two = withReview(rule(`targets = ["db", "web"], approvals = 2`).replace("approvals = 2", "approvals = 1"));
  assert.match(lostGuards(two, withReview(rule(`targets = ["db"], approvals = 1`)))[0]?.what ?? "", /no longer covers the targets web/);
  assert.match(
    lostGuards(two, withReview(rule(`targets = ["db", "web"], approvals = 1, issuers = ["ben"]`)))[0]?.what ?? "",
    /no longer holds for/,
  );
  assert.deepEqual(lostGuards(two, withReview(rule(`targets = ["db", "web", "kv"], approvals = 1`))), []);
  const deny = (windows: string) =>
    policy(`deny = [{ id = "d", kinds = ["*"], targets = ["*"], why = "no"${windows} }], auto_sign = [${AUTO}]`);
  const nights = `, windows = [{ days = ['Mon], from = "22:00", to = "06:00", zone = "UTC" }]`;
  assert.equal(lostGuards(deny(""), deny(nights))[0]?.what, "it holds at other times");
  assert.deepEqual(lostGuards(inForce, inForce), []);
});
