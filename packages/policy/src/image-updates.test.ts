import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeImageUpdate, withImage } from "./image-updates.ts";
import { loadPolicy } from "./load.ts";
import { did, policyText } from "./test-support.ts";

const image = (digit: string, repository = "reg.example/team/web"): string => `${repository}@sha256:${digit.repeat(64)}`;
const rule = (changes: object = {}): string => {
  const fields = {
    id: "web-images",
    automations: ["deployer"],
    targets: ["web-*"],
    settings: ["image"],
    images: ["reg.example/team/*"],
    approvals: 1,
    max_ahead: 5,
  };
  return Object.entries({ ...fields, ...changes })
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
    .join(", ");
};
const load = (...rules: readonly string[]) =>
  loadPolicy(new Map([["keeper_policy.ncl", policyText({ image_updates: `[${rules.map((each) => `{ ${each} }`).join(", ")}]` })]])).policy;
const desired = (one: string, two: string) =>
  new Map([
    [
      "desired.ncl",
      `{ components = [{ name = "web-a", settings = { image = "${one}" } }, { name = "web-b", settings = { image = "${two}" } }] }`,
    ],
  ]);

test("policy: a rule for images names automations that there are, no more people than there are, and an id of its own", () => {
  load(rule());
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ automations: ["alice"] }, /no automation alice/],
    [{ approvals: 5 }, /5 people, and there are 4/],
    [{ id: "removals" }, /id of two rules/],
    [{ images: ["*"] }, /images/],
    [{ images: ["reg.example/team*"] }, /images/],
    [{ max_ahead: 0 }, /max_ahead/],
    [{ settings: [] }, /settings/],
  ];
  for (const [changes, message] of wrong)
    assert.throws(() => load(rule(changes)), { code: "policy_invalid", message }, JSON.stringify(changes));
});

test("judgeImageUpdate: one rule has to cover all of a step, and only the keys that it names", () => {
  const policy = load(rule({ targets: ["web-a"] }), rule({ id: "others", targets: ["web-b"], images: ["reg.example/other/web"] }));
  const before = desired(image("1"), image("2"));
  const judge = (after: ReadonlyMap<string, string>, key = did("deployer")) => judgeImageUpdate(policy, key, before, after);
  const within = judge(desired(image("3"), image("2")));
  assert.deepEqual(within.within && [within.rule.id, within.principal, within.changes], [
    "web-images",
    "deployer",
    [{ target: "web-a", setting: "image", from: image("1"), to: image("3") }],
  ]);
  for (const [after, why] of [
    [desired(image("1"), image("3")), /web-b settings.image = .* is not among/],
    [desired(image("3"), image("4")), /web-b/],
    [before, /digests differ that are no component|no component/],
  ] as const) {
    const verdict = judge(after);
    assert.match(verdict.within ? "within" : verdict.why, why);
  }
  for (const name of ["alice", "helper", "keeper", "stranger"] as const)
    assert.equal(judge(desired(image("3"), image("2")), did(name)).within, false, name);
});

test("withImage: of two components with the same image only the one that is meant changes", () => {
  const files = desired(image("1"), image("1"));
  assert.deepEqual(withImage(files, "web-b", "image", image("2")), desired(image("1"), image("2")));
  assert.deepEqual(withImage(files, "web-a", "image", image("2")), desired(image("2"), image("1")));
  for (const [target, to] of [
    ["web-c", image("2")],
    ["web-a", image("2", "reg.example/team/other")],
    ["web-a", "reg.example/team/web:2"],
  ] as const)
    assert.throws(() => withImage(files, target, "image", to), { code: "args_invalid" });
});
