import assert from "node:assert/strict";
import { test } from "node:test";
import { type NickelDocument, readNickel, writeNickel } from "@triplane/nickel";
import { parseDesiredState } from "./desired-schema.ts";

const component = (name: string) => ({ name, component: "web" });
const desired = (more: object): NickelDocument =>
  readNickel(writeNickel({ version: 1, workspace: "w1", components: [component("web")], ...more }), { file: "desired.ncl" });

test("parseDesiredState: one replica and default settings unless told otherwise", () => {
  assert.deepEqual(parseDesiredState(desired({}), "w1").components, [{ name: "web", component: "web", replicas: 1, settings: {} }]);
});

test("parseDesiredState: a tag counts as its name, as it did in what was approved before", () => {
  const text = '{ version = 1, workspace = "w1", components = [{ name = \'web, component = "web", settings = { mode = \'Fast } }] }';
  assert.deepEqual(parseDesiredState(readNickel(text, { file: "desired.ncl" }), "w1").components[0]?.settings, { mode: "Fast" });
});

test("parseDesiredState: names every problem, each at its place", () => {
  const text = '{\n  version = 1,\n  workspace = "w2",\n  components = [\n    { name = "workspace", component = "web" },\n  ],\n}';
  assert.throws(() => parseDesiredState(readNickel(text, { file: "desired.ncl" }), "w1"), {
    code: "args_invalid",
    message: "desired.ncl:3:15: workspace: is w2, this is w1\ndesired.ncl:5:14: components.0.name: workspace is not a name for a component",
  });
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ workspace: "w2" }, /is w2, this is w1/],
    [{ components: [component("a"), component("a")] }, /a occurs twice/],
    [{ components: [component("workspace")] }, /not a name for a component/],
    [{ components: [component("../x")] }, /components\.0\.name/],
    [{ version: 2 }, /version/],
    [{ extra: 1 }, /extra/i],
  ];
  for (const [more, message] of cases) assert.throws(() => parseDesiredState(desired(more), "w1"), { code: "args_invalid", message });
});
