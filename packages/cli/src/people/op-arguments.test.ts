import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseOpArguments } from "./op-arguments.ts";

describe("parseOpArguments", () => {
  it("reads numbers, booleans, null, JSON and text", () => {
    assert.deepEqual(
      parseOpArguments(["replicas=2", "on=true", "off=null", "version=1.2", "name=a=b", 'text="2"', "items=[1,2]", "empty="]),
      {
        replicas: 2,
        on: true,
        off: null,
        version: "1.2",
        name: "a=b",
        text: "2",
        items: [1, 2],
        empty: "",
      },
    );
  });

  it("nests dotted names", () => {
    assert.deepEqual(parseOpArguments(["component=web", "settings.title=Hello", "settings.delay_ms=100"]), {
      component: "web",
      settings: { title: "Hello", delay_ms: 100 },
    });
  });

  for (const pairs of [
    ["replicas"],
    ["=1"],
    ["a=1", "a=2"],
    ["A=1"],
    ["a=[1"],
    ["a=[1.5]"],
    ["__proto__=1"],
    ["a.__proto__.b=1"],
    ["a=1", "a.b=2"],
  ]) {
    it(`refuses ${pairs.join(" ")} as wrong usage`, () => {
      assert.throws(() => parseOpArguments(pairs), { code: "usage" });
    });
  }
});
