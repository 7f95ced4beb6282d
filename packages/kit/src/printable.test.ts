import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { printable, printableJson, printableLine } from "./printable.ts";

test("printable: nothing that moves a cursor, hides a line or turns the reading direction reaches a terminal", () => {
  const shown = printable("a\u001b[2Kb\u202ec\u200bd\re\u2066\u{e0041}f\ttab\nline ü 漢 👍🏽");
  assert.equal(shown, "a<U+001B>[2Kb<U+202E>c<U+200B>d<U+000D>e<U+2066><U+E0041>f\ttab\nline ü 漢 👍🏽");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !/[\p{Cc}\p{Cf}]/u.test(printable(text).replaceAll(/[\n\t]/g, ""))));
  assert.equal(printableLine("one\ntwo  "), "one two");
});

test("printableJson: the same value, with no character that a terminal would act on", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const json = printableJson(JSON.stringify({ [text]: [text] }, null, 2));
      assert.deepEqual(JSON.parse(json), { [text]: [text] });
      return !/(?!\n)[\p{Cc}\p{Cf}]/u.test(json);
    }),
  );
});
