import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDesiredState } from "./desired-schema.ts";

const component = (name: string) => ({ name, component: "web" });
const desired = (more: object) => ({ version: 1, workspace: "w1", components: [component("web")], ...more });

test("parseDesiredState: one replica and default settings unless told otherwise", () => {
  assert.deepEqual(parseDesiredState(desired({}), "w1").components, [{ name: "web", component: "web", replicas: 1, settings: {} }]);
});

test("parseDesiredState: names every problem", () => {
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
