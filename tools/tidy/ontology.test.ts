// The rules about ontology and decisions notice what they are for, on small repositories in which one thing is wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { INVARIANTS } from "@triplane/contract";
import { VALIDATION_CHECKS } from "@triplane/reflection";
import {
  constraintsCanFail,
  decisionsBelongToNodes,
  filesBelongToNodes,
  invariantsAreKept,
  nodesRestOnImports,
  ontologyIsSound,
} from "./ontology.ts";
import { problemLine, type Rule, repositoryOf } from "./repository.ts";

const CORE = "provisioning/.ontology/core.ncl";
const ADR = "provisioning/adrs/adr-001-wet.ncl";

const NODE = `{ id = "provisioning", description = "d", artifact_paths = ["provisioning"] },`;

function core(...nodes: readonly string[]): string {
  return `{ nodes = [\n${[NODE, ...nodes].join("\n")}\n] }`;
}

function node(id: string, path: string, more = ""): string {
  return `{ id = "${id}", description = "d", artifact_paths = ["${path}"], ${more} },`;
}

function adr(constraints: string, status = "'Accepted"): string {
  return `{ id = "adr-001", title = "t", date = "2026-11-23", status = ${status}, context = "c", decision = "d", consequences = "q",\nconstraints = [${constraints}] }`;
}

function check(kind: string, ref: string, title?: string): string {
  return `{ id = "stays-wet", rule = "r", checks = [{ kind = '${kind}, ref = "${ref}"${title === undefined ? "" : `, title = "${title}"`} }] },`;
}

function problemsOf(rule: Rule, files: Readonly<Record<string, string>>): string[] {
  return rule(repositoryOf(new Map(Object.entries({ [CORE]: core(), ...files })))).map(problemLine);
}

/** What is wrong with one check of one constraint, in a repository with these files. */
function checkProblems(constraint: string, files: Readonly<Record<string, string>>, rules: Readonly<Record<string, Rule>> = {}): string[] {
  return problemsOf((repository) => constraintsCanFail(repository, rules), { [ADR]: adr(constraint), ...files });
}

test("ontologyIsSound: a file that is no data, a shape that is wrong, a decision that does not exist", () => {
  assert.deepEqual(problemsOf(ontologyIsSound, { [ADR]: adr("") }), []);
  assert.deepEqual(problemsOf(ontologyIsSound, { [CORE]: core(node("a", "x", 'adrs = ["adr-002"]')), [ADR]: adr("") }), [
    `${CORE}:3: a: there is no decision adr-002`,
  ]);
  assert.deepEqual(problemsOf(ontologyIsSound, { [ADR]: adr("").replace('"adr-001"', '"one"') }), [
    `provisioning: ${ADR}:1:8: id: must be like adr-037`,
  ]);
  assert.match(problemsOf(ontologyIsSound, { [CORE]: "{ nodes = fun x => x }" }).join(), /core\.ncl:1:11.*function/);
});

test("decisionsBelongToNodes: a decision that no part of the system has", () => {
  const files = { [ADR]: adr(""), [CORE]: core(node("a", "x", 'adrs = ["adr-001"]')) };
  assert.deepEqual(problemsOf(decisionsBelongToNodes, files), []);
  assert.deepEqual(problemsOf(decisionsBelongToNodes, { ...files, [CORE]: core(node("a", "x")) }), [
    `${ADR}:1: no node of ${CORE} lists adr-001: add it to the part that it is about`,
  ]);
});

test("filesBelongToNodes: a path that does not exist, and a file that nobody placed", () => {
  const files = { [CORE]: core(node("a", "packages/a")), "packages/a/src/one.ts": "" };
  assert.deepEqual(problemsOf(filesBelongToNodes, files), []);
  assert.deepEqual(
    problemsOf(filesBelongToNodes, {
      ...files,
      "packages/ab/src/one.ts": "",
      [CORE]: core(node("a", "packages/a"), node("b", "packages/b")),
    }),
    [
      `packages/ab/src/one.ts: belongs to no node of ${CORE}: add it, or its folder, to the part that it is of`,
      `${CORE}:4: b: there is no packages/b`,
    ],
  );
});

test("nodesRestOnImports: a dependency on a package of a node that it does not rest on", () => {
  const packages = {
    "packages/a/package.json": '{ "name": "@triplane/a", "dependencies": { "@triplane/b": "0.1.0", "zod": "4" } }',
    "packages/b/package.json": '{ "name": "@triplane/b" }',
  };
  const [a, b] = [node("a", "packages/a"), node("b", "packages/b")];
  assert.deepEqual(problemsOf(nodesRestOnImports, { ...packages, [CORE]: core(node("a", "packages/a", 'rests_on = ["b"]'), b) }), []);
  assert.deepEqual(problemsOf(nodesRestOnImports, { ...packages, [CORE]: core(a, b) }), [
    `${CORE}:3: a depends on b (packages/a/package.json), and does not say that it rests on it`,
  ]);
});

test("constraints name checks that can fail: a test that is gone, in no group, renamed, left out, or asserts nothing", () => {
  const file = "packages/kit/src/wet.test.ts";
  const whole = 'import assert from "node:assert/strict";\ntest("water: stays-wet", () => assert.ok(true));';
  const at = `${ADR}:2: stays-wet`;
  assert.deepEqual(checkProblems(check("Test", file), { [file]: whole }), []);
  assert.deepEqual(checkProblems(check("Test", file, "water: "), { [file]: whole }), []);
  assert.deepEqual(checkProblems(check("Test", file), {}), [`${at}: there is no ${file}`]);
  assert.deepEqual(checkProblems(check("Test", "elsewhere/wet.test.ts"), { "elsewhere/wet.test.ts": whole }), [
    `${at}: elsewhere/wet.test.ts is in no group of tests (tools/test/groups.ts)`,
  ]);
  for (const text of [
    whole.replace("stays-wet", "is wet"),
    whole.replace("test(", "test.skip("),
    whole.replace("test(", "// test("),
    `// "stays-wet"\n${whole.replace("stays-wet", "")}`,
  ])
    assert.deepEqual(checkProblems(check("Test", file), { [file]: text }), [`${at}: no test of ${file} has "stays-wet" in its title`]);
  assert.deepEqual(checkProblems(check("Test", file), { [file]: 'test("stays-wet", () => {});' }), [`${at}: ${file} asserts nothing`]);
});

test("constraints name checks that can fail: house rules, checks of the checker and of validations, schemas", () => {
  const at = `${ADR}:2: stays-wet`;
  const wetRule: Rule = () => [];
  const rules = { "water is wet": wetRule };
  const ruleTest = { "tools/tidy/wet.test.ts": 'test("wetRule: refuses dry water", () => {});' };
  assert.deepEqual(checkProblems(check("Tidy", "water is wet"), ruleTest, rules), []);
  assert.deepEqual(checkProblems(check("Tidy", "water is dry"), ruleTest, rules), [
    `${at}: there is no house rule "water is dry" (tools/tidy/index.ts)`,
  ]);
  assert.deepEqual(checkProblems(check("Tidy", "water is wet"), {}, rules), [
    `${at}: no test shows that the house rule "water is wet" notices anything`,
  ]);

  const checker = { "packages/checker/src/check.ts": '  "stays-wet": { check: checkWet },' };
  assert.deepEqual(checkProblems(check("Checker", "stays-wet"), { ...checker, "test/checker/broken.test.ts": '  "stays-wet": [' }), []);
  assert.deepEqual(checkProblems(check("Checker", "stays-wet"), checker), [
    `${at}: no test breaks stays-wet for triplane check invariants`,
  ]);
  assert.deepEqual(checkProblems(check("Checker", "stays-wet"), {}), [`${at}: triplane check invariants has no check stays-wet`]);

  const validation = VALIDATION_CHECKS[0]?.id ?? "";
  assert.deepEqual(checkProblems(check("Validation", validation), { "test/wet.test.ts": validation }), []);
  assert.deepEqual(checkProblems(check("Validation", validation), {}), [`${at}: no test breaks what the check ${validation} looks at`]);
  assert.deepEqual(checkProblems(check("Validation", "pool-is-wet"), {}), [`${at}: triplane validate has no check pool-is-wet`]);

  assert.deepEqual(checkProblems(check("Schema", "provisioning/wet.ncl"), { "provisioning/wet.ncl": "{}" }), []);
  assert.deepEqual(checkProblems(check("Schema", "provisioning/wet.ncl"), {}), [`${at}: there is no provisioning/wet.ncl`]);
});

test("invariantsAreKept: one that no accepted decision has, that no node keeps, or that the node's code does not cite", () => {
  const ids = Object.keys(INVARIANTS);
  const constraints = ids.map((id) => check("Schema", "x").replace("stays-wet", id)).join("\n");
  const keeps = (invariants: readonly string[]): string => core(node("a", "packages/a", `invariants = ${JSON.stringify(invariants)}`));
  const code = { "packages/a/src/one.ts": `// ${ids.join(" ")}` };
  const whole = { [CORE]: keeps(ids), [ADR]: adr(constraints), ...code };
  assert.deepEqual(problemsOf(invariantsAreKept, whole), []);
  assert.deepEqual(problemsOf(invariantsAreKept, { ...whole, [ADR]: adr(constraints.replace("applied-once", "applied-twice")) }), [
    "provisioning/adrs: no accepted decision has the invariant applied-once as a constraint",
  ]);
  assert.equal(problemsOf(invariantsAreKept, { ...whole, [ADR]: adr(constraints, "'Proposed") }).length, ids.length);
  assert.deepEqual(problemsOf(invariantsAreKept, { ...whole, [CORE]: keeps(ids.filter((id) => id !== "applied-once")) }), [
    `${CORE}: no node keeps the invariant applied-once`,
  ]);
  const elsewhere = {
    "packages/a/src/one.ts": "",
    "packages/a/src/one.test.ts": code["packages/a/src/one.ts"],
    "packages/b/src/one.ts": code["packages/a/src/one.ts"],
  };
  assert.equal(problemsOf(invariantsAreKept, { ...whole, ...elsewhere }).length, ids.length);
  assert.ok(problemsOf(invariantsAreKept, { ...whole, ...elsewhere }).includes(`${CORE}:3: no source file of a cites applied-once`));
});
