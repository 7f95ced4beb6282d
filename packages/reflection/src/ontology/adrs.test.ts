import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { TriplaneError } from "@triplane/contract";
import { drawProblems, problemsOf as problemsIn } from "@triplane/nickel";
import { parseAdrs, readAdrs } from "./adrs.ts";
import { decisionIndex } from "./index-page.ts";

const ROOT = dirname(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))));

const GOOD = `{
  id = "adr-001",
  title = "Water is | wet",
  date = "2026-11-23",
  status = 'Accepted,
  planes = ['Ci],
  context = "c", decision = "d", consequences = "q",
  constraints = [
    { id = "applied-once", rule = "r", checks = [{ kind = 'Test, ref = "a.test.ts" }] },
  ],
}`;

function parse(files: Readonly<Record<string, string>>): ReturnType<typeof parseAdrs> {
  return parseAdrs(new Map(Object.entries(files).map(([name, text]) => [`provisioning/adrs/${name}.ncl`, text])));
}

function problemsOf(files: Readonly<Record<string, string>>): string[] {
  try {
    parse(files);
  } catch (thrown) {
    assert.ok(thrown instanceof TriplaneError);
    assert.equal(thrown.code, "ontology_invalid");
    return thrown.message.replaceAll("provisioning/adrs/", "").split("\n");
  }
  return [];
}

test("readAdrs: reads every decision of this repository, by number", () => {
  const numbers = readAdrs(ROOT).map(({ adr }) => adr.id);
  assert.deepEqual(numbers, [...new Set(numbers)].sort());
  for (const id of ["adr-001", "adr-037", "adr-038", "adr-039"]) assert.ok(numbers.includes(id), id);
});

test("readAdrs: ontology_missing where there is no folder of decisions", (t) => {
  const empty = mkdtempSync(join(tmpdir(), "ontology-"));
  t.after(() => rmSync(empty, { recursive: true }));
  assert.throws(
    () => readAdrs(empty),
    (thrown) => thrown instanceof TriplaneError && thrown.code === "ontology_missing",
  );
});

test("parseAdrs: a decision with its defaults, and the place of everything in it", () => {
  const [file] = parse({ "adr-001-wet": GOOD });
  assert.deepEqual(file?.adr.alternatives, []);
  assert.deepEqual(file?.positionOf(["constraints", 0, "rule"]), { file: "provisioning/adrs/adr-001-wet.ncl", line: 9, column: 35 });
});

test("parseAdrs: all problems of shape at once, each at its place", () => {
  const broken = GOOD.replace("'Accepted", '"Accepted"').replace('date = "2026-11-23"', 'date = "today"').replace("rule =", "rules =");
  assert.deepEqual(
    problemsOf({ "adr-001-wet": broken, "adr-002-dry": `{ id = "adr-2" }` }).sort(),
    [
      "adr-001-wet.ncl:4:10: date: must be a date like 2026-11-22",
      "adr-001-wet.ncl:5:12: status: must be an enum tag: 'Accepted",
      "adr-001-wet.ncl:9:28: constraints.0.rules: is not a field that belongs here",
      "adr-001-wet.ncl:9:5: constraints.0.rule: is missing",
      ...["consequences", "context", "date", "decision"].map((field) => `adr-002-dry.ncl:1:1: ${field}: is missing`),
      "adr-002-dry.ncl:1:1: status: must be 'Proposed or 'Accepted or 'Superseded",
      "adr-002-dry.ncl:1:1: title: is missing",
      "adr-002-dry.ncl:1:8: id: must be like adr-037",
    ].sort(),
  );
});

test("parseAdrs: each problem is drawn into its line", () => {
  const broken = new Map([["provisioning/adrs/adr-001-wet.ncl", GOOD.replace("rule =", "rules =")]]);
  assert.throws(
    () => parseAdrs(broken),
    (thrown) => {
      assert.ok(thrown instanceof TriplaneError);
      assert.equal(
        drawProblems(problemsIn(thrown).slice(1)),
        [
          "error: constraints.0.rules: is not a field that belongs here",
          " --> provisioning/adrs/adr-001-wet.ncl:9:28",
          "  |",
          `9 |     { id = "applied-once", rules = "r", checks = [{ kind = 'Test, ref = "a.test.ts" }] },`,
          "  |                            ^^^^^",
          "  = did you mean rule?",
        ].join("\n"),
      );
      return true;
    },
  );
});

test("parseAdrs: names, twins, references that lead nowhere, and a constraint that is there twice", () => {
  const twice = GOOD.replace(
    "constraints = [",
    `constraints = [{ id = "applied-once", rule = "r", checks = [{ kind = 'Schema, ref = "x" }] },`,
  );
  assert.deepEqual(
    problemsOf({
      "adr-001-wet": twice.replace("planes", 'updates = ["adr-001", "adr-009"],\n  planes'),
      "adr-001-dry": GOOD,
      "adr-002-cold": GOOD.replace("adr-001", "adr-003"),
      "adr-004-warm": GOOD.replace("adr-001", "adr-004").replace("'Accepted", "'Superseded"),
      "adr-005-hot": GOOD.replace("adr-001", "adr-005").replace("'Accepted", '\'Superseded, superseded_by = "adr-008"'),
    }),
    [
      "adr-001-dry.ncl:2:8: id: adr-001 is also adr-001-wet.ncl",
      "adr-001-wet.ncl:2:8: id: adr-001 is also adr-001-dry.ncl",
      "adr-001-wet.ncl:6:14: updates.0: it cannot update itself",
      "adr-001-wet.ncl:6:25: updates.1: there is no adr-009",
      "adr-001-wet.ncl:10:12: constraints.1.id: the constraint applied-once is there twice",
      "adr-002-cold.ncl:2:8: id: the file is not named adr-003-words-of-the-title.ncl",
      "adr-004-warm.ncl:5:12: status: a superseded decision, and no other, says what it is superseded_by",
      "adr-005-hot.ncl:5:41: superseded_by: there is no adr-008",
    ],
  );
});

test("decisionIndex: a row for each decision, however many there are, with what changed it", () => {
  const lines = decisionIndex(
    parse({
      "adr-001-wet": GOOD,
      "adr-002-dry": GOOD.replace("adr-001", "adr-002").replace("'Accepted", '\'Superseded, superseded_by = "adr-003"'),
      "adr-003-cold": GOOD.replace("adr-001", "adr-003").replace("planes", 'updates = ["adr-001"],\n  planes'),
    }),
    "../",
  );
  assert.deepEqual(
    lines.filter((line) => line.startsWith("| [ADR-")),
    [
      "| [ADR-001](../provisioning/adrs/adr-001-wet.ncl) | Water is \\| wet | CI | `applied-once` |",
      "| [ADR-002](../provisioning/adrs/adr-002-dry.ncl) | Water is \\| wet (superseded by ADR-003) | CI | `applied-once` |",
      "| [ADR-003](../provisioning/adrs/adr-003-cold.ncl) | Water is \\| wet (updates ADR-001) | CI | `applied-once` |",
    ],
  );
  assert.ok(lines.includes("| `no-fail-open` |  |"));
});
