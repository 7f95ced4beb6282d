import assert from "node:assert/strict";
import { test } from "node:test";
import { rustPattern } from "./regex.ts";

test("rustPattern: the same texts in the other's words", () => {
  const cases: readonly (readonly [RegExp, string])[] = [
    [/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, "^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$"],
    [/^\d{4}\/\w+$/, "^[0-9]{4}/[0-9A-Za-z_]+$"],
    [/^[\x21-\x7e]\u00e9$/, "^[\\x{21}-\\x{7e}]\\x{e9}$"],
    [/[[&&~]a.*/, "(?s:.*)(?:[\\[\\&\\&\\~]a[^\\n\\r\\x{2028}\\x{2029}]*)(?s:.*)"],
    [/(?<year>a)#/, "(?s:.*)(?:(?P<year>a)\\#)(?s:.*)"],
    [/^\p{Lu}$/u, "^\\p{Lu}$"],
  ];
  for (const [pattern, expected] of cases) assert.equal(rustPattern(pattern.source, pattern.flags, "x"), expected);
});

test("rustPattern: what would match other texts is refused, with the reason", () => {
  const bad: readonly (readonly [string, string, RegExp])[] = [
    ["a", "i", /flags i/],
    ["^(?!x)a", "", /look-around/],
    ["(?<=x)a", "", /look-around/],
    ["(a)\\1", "", /\\1 is not translated/],
    ["\\bword", "", /\\b is not translated/],
    ["^.$", "", /code units/],
    ["^[^a]{2}$", "", /code units/],
    ["a{,3}", "", /brace/],
    ["a]", "", /bracket/],
    ["[]a", "", /empty class/],
    ["[a", "", /not closed/],
    ["\\ud83d", "", /surrogate/],
    ["\\p{Script=Greek}", "u", /not translated/],
    ["😀", "", /basic plane/],
  ];
  for (const [source, flags, why] of bad)
    assert.throws(() => rustPattern(source, flags, "Schema.field"), { code: "internal", message: why }, source);
});
