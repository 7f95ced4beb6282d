import assert from "node:assert/strict";
import { test } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { readNickel } from "../read.ts";
import { Source } from "../source-position.ts";
import { drawProblems } from "./draw.ts";
import { problemsFailure, problemsOf } from "./problems.ts";

/** The picture of one problem: `▲` in the text is its place and is taken out. */
function picture(marked: string, message = "is wrong", hint?: string): string {
  const offset = marked.indexOf("▲");
  const source = new Source("a.ncl", marked.replace("▲", ""));
  return drawProblems([{ message, place: { source, offset }, ...(hint === undefined ? {} : { hint }) }]);
}

test("drawProblems: message, place, the line, the token underlined, the hint", () => {
  assert.equal(
    picture('{\n  id = ▲"A b",\n}\n', "must be lower-case", "write a-b"),
    ["error: must be lower-case", " --> a.ncl:2:8", "  |", '2 |   id = "A b",', "  |        ^^^^^", "  = write a-b"].join("\n"),
  );
});

test("drawProblems: the margin is as wide as the number of the line", () => {
  assert.equal(
    picture(`${"\n".repeat(99)}  ▲x = 1`),
    ["error: is wrong", "   --> a.ncl:100:3", "    |", "100 |   x = 1", "    |   ^"].join("\n"),
  );
});

test("drawProblems: tabs are as wide in the line as under it", () => {
  assert.equal(picture("\ta =\t▲12,"), ["error: is wrong", " --> a.ncl:1:6", "  |", "1 |     a = 12,", "  |         ^^"].join("\n"));
});

test("drawProblems: wide characters take two columns, combined ones none of their own", () => {
  assert.equal(
    picture('{ a = "日本", e\u0301 = ▲7 }'),
    ["error: is wrong", " --> a.ncl:1:18", "  |", '1 | { a = "日本", e\u0301 = 7 }', "  |                   ^"].join("\n"),
  );
  assert.equal(picture('{ a = ▲"👩‍🚀" }').split("\n").at(-1), "  |       ^^^^");
});

test("drawProblems: of a very long line, what is around the place", () => {
  const drawn = picture(`{ a = "${"x".repeat(5000)}", ▲bb = 1, c = "${"y".repeat(5000)}" }`).split("\n");
  const line = drawn[3] ?? "";
  const marks = drawn[4] ?? "";
  assert.ok(line.length < 110 && marks.length < 110, `${line.length}`);
  assert.ok(line.startsWith("1 | …xxx") && line.endsWith("yyy…"), line);
  assert.equal(line.slice(marks.indexOf("^"), marks.lastIndexOf("^") + 1), "bb");
  const token = picture(`{ a = ▲"${"x".repeat(5000)}" }`).split("\n");
  assert.ok((token[4] ?? "").length < 110 && (token[4] ?? "").includes("^^^^"));
});

test("drawProblems: what would move the cursor, colour, hide or reorder is shown by its name", () => {
  const hostile = "\u001b[31m\u202e\u0007\u0000\u009b\u200b\ufeff\u2028";
  const drawn = drawProblems([
    {
      message: `bad ${hostile}`,
      path: `a${hostile}`,
      hint: hostile,
      place: { source: new Source(`f${hostile}`, `{ "${hostile}" = 1 }\r\n`), offset: 2 },
    },
  ]);
  assert.doesNotMatch(drawn, /[^\P{Cc}\n]|[\p{Bidi_Control}\u200b\ufeff\u2028]/u);
  assert.match(drawn, /<U\+001B>\[31m<U\+202E><U\+0007><U\+0000><U\+009B><U\+200B><U\+FEFF><U\+2028>/);
});

test("drawProblems: the end of the file, an empty file and a place behind the last line have a caret too", () => {
  assert.equal(picture("{ a = 1▲"), ["error: is wrong", " --> a.ncl:1:8", "  |", "1 | { a = 1", "  |        ^"].join("\n"));
  assert.equal(picture("▲"), ["error: is wrong", " --> a.ncl:1:1", "  |", "1 |", "  | ^"].join("\n"));
  assert.equal(picture("{\n▲"), ["error: is wrong", " --> a.ncl:2:1", "  |", "2 |", "  | ^"].join("\n"));
});

test("problemsFailure: all problems, from top to bottom, in the message, as data, and as pictures", () => {
  const source = new Source("a.ncl", "{\n  a = 1,\n  b = 2,\n}");
  const other = new Source("b.ncl", "1");
  const failure = problemsFailure("policy_invalid", [
    { message: "second", place: { source, offset: source.text.indexOf("b") }, path: "b" },
    { message: "first", place: { source, offset: source.text.indexOf("a") }, path: "a", hint: "mend it" },
    { message: "third", place: { source: other, offset: 0 } },
  ]);
  assert.equal(failure.message, "a.ncl:2:3: a: first\na.ncl:3:3: b: second\nb.ncl:1:1: third");
  assert.deepEqual(failure.details["problems"], [
    { file: "a.ncl", line: 2, column: 3, path: "a", message: "first", hint: "mend it" },
    { file: "a.ncl", line: 3, column: 3, path: "b", message: "second" },
    { file: "b.ncl", line: 1, column: 1, path: undefined, message: "third" },
  ]);
  assert.equal(drawProblems(problemsOf(failure)).match(/-->.*/g)?.join(" "), "--> a.ncl:2:3 --> a.ncl:3:3 --> b.ncl:1:1");
  assert.ok(!JSON.stringify(failure.details).includes("b = 2"), "the source is not in the details");
});

test("drawProblems: fifty are drawn, the rest is counted", () => {
  const source = new Source("a.ncl", "x".repeat(60));
  const problems = Array.from({ length: 60 }, (_, offset) => ({ message: "m", place: { source, offset } }));
  assert.ok(drawProblems(problems).endsWith("\n\nand 10 more"));
});

test("readNickel: every refusal can be drawn", () => {
  let thrown: unknown;
  try {
    readNickel("{\n  a = fun x => x,\n}", { file: "p.ncl" });
  } catch (caught) {
    thrown = caught;
  }
  assert.ok(thrown instanceof TriplaneError);
  assert.equal(
    drawProblems(problemsOf(thrown)),
    [
      "error: function is not allowed in a data file (policy-files-are-declarative-only)",
      " --> p.ncl:2:7",
      "  |",
      "2 |   a = fun x => x,",
      "  |       ^^^",
    ].join("\n"),
  );
});
