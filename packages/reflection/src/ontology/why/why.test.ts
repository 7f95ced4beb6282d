import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { INVARIANTS, TriplaneError } from "@triplane/contract";
import { parseAdrs } from "../adrs.ts";
import { ONTOLOGY_FILE, parseOntology } from "../nodes.ts";
import type { RuleExplanation } from "./explanation.ts";
import { type Knowledge, openKnowledge } from "./knowledge.ts";
import { readSources, type SourceFiles } from "./sources.ts";
import { subjectsOf, why } from "./why.ts";

const ROOT = dirname(dirname(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))));

const CODE = {
  "packages/pool/src/steps.ts": [
    'import { checkOnce } from "./applied-once.ts";',
    "// What a step is.",
    "// 1. The intent is stored before the provider",
    "//    is called. `applied-once`",
    "// 2. And not-applied-once is another word (ADR-001).",
    'const id = "applied-once";',
  ].join("\n"),
  "packages/pool/src/steps.test.ts":
    'test("steps: twice is once (applied-once)", () => assert.ok(1));\n// test("applied-once, left out")\nit(\n  "again (applied-once)",\n',
  "packages/store/src/store.ts": "/** One row a key. `applied-once` */",
  "test/whole.test.ts": "describe(`all of it (applied-once)`, () => assert.ok(1));",
};

function sourcesOf(texts: Readonly<Record<string, string>>): SourceFiles {
  return { paths: Object.keys(texts), text: (path) => texts[path] ?? "" };
}

function knowledge(sources: SourceFiles | undefined = sourcesOf(CODE)): Knowledge {
  const adr = `{
    id = "adr-001", title = "Once", date = "2026-11-23", status = 'Accepted, context = "c", decision = "d", consequences = "q",
    constraints = [
      { id = "applied-once", rule = m%"
          Wrapped
          in its file.
        "%, checks = [
        { kind = 'Test, ref = "packages/pool/src/steps.test.ts" },
        { kind = 'Test, ref = "test/whole.test.ts", title = "none of it" },
        { kind = 'Checker, ref = "applied-once" },
        { kind = 'Validation, ref = "stream-retention" },
      ] },
      { id = "rows-have-keys", rule = "r", checks = [{ kind = 'Schema, ref = "x" }] },
    ],
  }`;
  const second = adr.replace("adr-001", "adr-002").replace("consequences", 'updates = ["adr-001"], consequences');
  const nodes = `{ nodes = [
    { id = "pool", description = "Machines", artifact_paths = ["packages/pool"], invariants = ["applied-once"], adrs = ["adr-001"], rests_on = ["store"] },
    { id = "store", description = "Rows", artifact_paths = ["packages/store"] },
  ] }`;
  return {
    ontology: parseOntology(new Map([[ONTOLOGY_FILE, nodes]])).ontology,
    adrs: parseAdrs(
      new Map([
        ["provisioning/adrs/adr-001-once.ncl", adr],
        ["provisioning/adrs/adr-002-twice.ncl", second],
      ]),
    ),
    sources,
  };
}

function rule(subject: string, from = knowledge()): RuleExplanation {
  const about = why(from, subject);
  assert.equal(about.kind, "rule");
  return about as RuleExplanation;
}

test("why: an invariant has its sentence, its decisions, the points of the code that cite it with their nodes, and no tests among them", () => {
  const about = rule("applied-once");
  assert.equal(about.sentence, INVARIANTS["applied-once"]);
  assert.deepEqual(about.nodes, ["pool"]);
  assert.deepEqual(
    about.decisions.map(({ id, rule: says }) => [id, says]),
    [
      ["adr-001", "Wrapped in its file."],
      ["adr-002", "Wrapped in its file."],
    ],
  );
  assert.deepEqual(about.code, [
    {
      path: "packages/pool/src/steps.ts",
      line: 4,
      text: "1. The intent is stored before the provider is called. `applied-once`",
      node: "pool",
    },
    { path: "packages/pool/src/steps.ts", line: 6, text: 'const id = "applied-once";', node: "pool" },
    { path: "packages/store/src/store.ts", line: 1, text: "One row a key. `applied-once`", node: "store" },
  ]);
});

test("why: checks are those of all decisions, each once, with the tests that their words lead to today", () => {
  const { checks, moreTests } = rule("applied-once");
  assert.deepEqual(checks.slice(0, 3), [
    {
      kind: "Test",
      ref: "packages/pool/src/steps.test.ts",
      decisions: ["adr-001", "adr-002"],
      title: "applied-once",
      tests: [
        { path: "packages/pool/src/steps.test.ts", line: 1, title: "steps: twice is once (applied-once)" },
        { path: "packages/pool/src/steps.test.ts", line: 4, title: "again (applied-once)" },
      ],
    },
    { kind: "Test", ref: "test/whole.test.ts", decisions: ["adr-001", "adr-002"], title: "none of it", tests: [] },
    { kind: "Checker", ref: "applied-once", decisions: ["adr-001", "adr-002"] },
  ]);
  const validations = checks.filter(({ kind }) => kind === "Validation");
  assert.equal(validations.filter(({ ref }) => ref === "stream-retention").length, 1);
  assert.equal(validations[0]?.validation, "validate-ops-contract");
  assert.deepEqual(moreTests, [{ path: "test/whole.test.ts", line: 1, title: "all of it (applied-once)" }]);
});

test("why: without the source it says what the ontology knows, and does not say that there is no code", () => {
  const about = rule("applied-once", { ...knowledge(), sources: undefined });
  assert.equal(about.code, undefined);
  assert.equal(about.moreTests, undefined);
  assert.deepEqual(about.checks[0], {
    kind: "Test",
    ref: "packages/pool/src/steps.test.ts",
    decisions: ["adr-001", "adr-002"],
    title: "applied-once",
  });
});

test("why: a constraint that is no invariant is kept where its decision is cited", () => {
  const about = rule("rows-have-keys");
  assert.equal(about.invariant, false);
  assert.deepEqual(
    about.code?.map(({ path, line }) => `${path}:${line}`),
    ["packages/pool/src/steps.ts:5"],
  );
});

test("why: a decision by any way to write its number, with what changed it and who cites it", () => {
  for (const subject of ["adr-001", "ADR-001", "adr 1", "1", "0001"]) {
    const about = why(knowledge(), subject);
    assert.ok(about.kind === "decision");
    assert.deepEqual([about.id, about.updated_by, about.nodes], ["adr-001", ["adr-002"], ["pool"]]);
    assert.deepEqual(
      about.code?.map(({ line }) => line),
      [5],
    );
  }
});

test("why: a node with what it rests on and what rests on it; a file with its node and what it cites", () => {
  const node = why(knowledge(), "store");
  assert.ok(node.kind === "node");
  assert.deepEqual([node.rests_on, node.carries], [[], ["pool"]]);
  const file = why(knowledge(), "./packages/pool/src/steps.ts");
  assert.ok(file.kind === "file");
  assert.equal(file.node.id, "pool");
  assert.deepEqual(file.decisions, [{ id: "adr-001", title: "Once", lines: [5] }]);
  assert.deepEqual(why(knowledge(undefined), "packages/store").kind, "file");
});

test("why: why_unknown names the nearest subjects, by a slip of the finger and by a word of the name", () => {
  const suggestionsFor = (subject: string): unknown => {
    try {
      return why(knowledge(), subject);
    } catch (thrown) {
      assert.ok(thrown instanceof TriplaneError && thrown.code === "why_unknown");
      return thrown.details["suggestions"];
    }
  };
  assert.deepEqual(suggestionsFor("aplied-once"), ["applied-once"]);
  assert.deepEqual(suggestionsFor("what is destroyed?"), ["runner-always-destroyed"]);
  assert.deepEqual(suggestionsFor("packages/pool/src/none.ts"), ["pool"]);
  assert.deepEqual(suggestionsFor("?"), []);
  assert.deepEqual(suggestionsFor("adr-011"), ["adr-001"]);
});

test("subjectsOf: every invariant with its decisions, every node, every decision", () => {
  const { invariants, nodes, decisions } = subjectsOf(knowledge());
  assert.deepEqual(
    invariants.map(({ id }) => id),
    Object.keys(INVARIANTS),
  );
  assert.deepEqual(invariants.find(({ id }) => id === "applied-once")?.decisions, ["adr-001", "adr-002"]);
  assert.deepEqual([nodes.length, decisions.length], [2, 2]);
});

test("openKnowledge: in this checkout every invariant has decisions, code and checks, and every test of a check is there", () => {
  const here = openKnowledge(ROOT);
  for (const id of Object.keys(INVARIANTS)) {
    const { decisions, code, checks } = rule(id, here);
    assert.ok(decisions.length > 0 && (code?.length ?? 0) > 0 && checks.length > 0, id);
    for (const { tests, ref, title } of checks) assert.notEqual(tests?.length, 0, `${id}: ${ref}: ${title}`);
  }
});

test("readSources: undefined without packages; follows no link, enters no node_modules", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ontology-"));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(join(ROOT, "provisioning/.ontology"), join(folder, "provisioning/.ontology"), { recursive: true });
  assert.equal(readSources(folder), undefined);
  mkdirSync(join(folder, "packages/a/node_modules/b"), { recursive: true });
  writeFileSync(join(folder, "packages/a/one.ts"), "");
  writeFileSync(join(folder, "packages/a/node_modules/b/two.ts"), "");
  symlinkSync("/etc", join(folder, "packages/etc"));
  symlinkSync("/etc/passwd", join(folder, "packages/passwd.ts"));
  assert.deepEqual(readSources(folder)?.paths, ["packages/a/one.ts"]);
});
