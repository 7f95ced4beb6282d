import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Did, generateSigningKey } from "@triplane/contract";
import { type Amendment, amendPolicy } from "./amend.ts";
import { loadPolicy } from "./load.ts";
import type { PolicyFiles } from "./types.ts";

const [ANA, BEN, KEEPER, NEW, CONTROLLER] = Array.from({ length: 5 }, () => generateSigningKey().did) as [Did, Did, Did, Did, Did];

const RID = "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5";

function files(): PolicyFiles {
  return new Map([
    [
      "keeper_policy.ncl",
      `(import "people.ncl") & {
  version = 1, workspace = "w1",
  policy_version = 7, # grows
  limits = { max_lifetime_s = 60, clock_skew_s = 0 },
  scopes = [{ name = "all", kinds = ["*"], targets = ["*"] }],
  review = [{ id = "all", kinds = ["*"], targets = ["*"], approvals = 1, groups = ["platform"] }],
  pins = { desired = { rid = "${RID}", root = "${"a".repeat(40)}" }, state = { rid = "${RID}", root = "${"b".repeat(40)}" },
    controller = "${CONTROLLER}" },
}
`,
    ],
    [
      "people.ncl",
      `# A "comment" with [brackets] that stays.
{
  operators = [
    { principal = "ana", keys = ["${ANA}"], groups = ["platform"], scopes = ["all"], may = ['Approve] }, # leads
    { principal = "ben", keys = ["${BEN}"], groups = ["platform"], scopes = ["all"], may = ['Approve, 'Admit] },
  ],
  keepers = [{ name = "keeper", keys = ["${KEEPER}"] }],
}
`,
    ],
  ]);
}

function amended(...amendments: readonly Amendment[]) {
  const after = amendPolicy(files(), amendments);
  return { policy: loadPolicy(after).policy, people: String(after.get("people.ncl")), entry: String(after.get("keeper_policy.ncl")) };
}

describe("amendPolicy", () => {
  it("adds a key beside the old one, and takes the old one out; comments stay", () => {
    const beside = amended({ do: "add-key", name: "keeper", did: NEW });
    assert.deepEqual(beside.policy.keepers[0]?.keys, [KEEPER, NEW]);
    assert.equal(beside.policy.policy_version, 8);
    assert.match(beside.entry, /policy_version = 8, # grows/);
    assert.match(beside.people, /# A "comment" with \[brackets\] that stays\.\n/);
    const replaced = amended({ do: "add-key", name: "ben", did: NEW }, { do: "remove-key", did: BEN });
    assert.deepEqual(replaced.policy.operators[1]?.keys, [NEW]);
    assert.ok(replaced.people.includes(`keys = ["${NEW}"]`));
    assert.deepEqual(amended({ do: "only-key", name: "ben", did: NEW }).policy, replaced.policy);
  });

  it("adds an operator and takes one out as a whole line", () => {
    const operator = { principal: "dora", keys: [NEW], groups: ["platform"], scopes: ["all"], may: ["Approve"] } as const;
    const more = amended({ do: "add-operator", operator });
    assert.deepEqual(
      more.policy.operators.map(({ principal }) => principal),
      ["dora", "ana", "ben"],
    );
    const fewer = amended({ do: "remove", name: "ana" });
    assert.deepEqual(
      fewer.policy.operators.map(({ principal }) => principal),
      ["ben"],
    );
    assert.ok(!fewer.people.includes("leads") && fewer.people.includes("operators = [\n    { principal"));
  });

  it("names another controller", () => {
    assert.equal(amended({ do: "controller", did: NEW }).policy.pins.controller, NEW);
  });

  it("refuses what it cannot mean: nobody of that name, an unknown key, the only key of somebody", () => {
    for (const amendment of [
      { do: "add-key", name: "nobody", did: NEW },
      { do: "remove", name: "nobody" },
      { do: "remove-key", did: NEW },
      { do: "remove-key", did: ANA },
    ] as const)
      assert.throws(() => amended(amendment), { code: "amendment_impossible" });
  });

  it("refuses text that it does not know how to edit, and policies that do not hold together afterwards", () => {
    const odd = new Map(files());
    odd.set("people.ncl", String(odd.get("people.ncl")).replace(`keys = ["${KEEPER}"]`, `keys = [m%"${KEEPER}"%]`));
    assert.throws(() => amendPolicy(odd, [{ do: "add-key", name: "keeper", did: NEW }]), { code: "amendment_impossible" });
    const noGroup = { principal: "dora", keys: [NEW], groups: [], scopes: ["nothing"], may: [] } as const;
    assert.throws(() => amended({ do: "add-operator", operator: noGroup }), { code: "policy_invalid" });
  });
});
