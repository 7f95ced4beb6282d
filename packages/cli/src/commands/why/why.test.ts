import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock, systemRandom } from "@triplane/kit";
import type { RuleExplanation } from "@triplane/reflection";
import type { CommandContext } from "../../framework/command.ts";
import { PRODUCT_ROOT } from "../../home/layout.ts";
import { paragraph, section } from "./lines.ts";
import { renderExplanation } from "./render.ts";
import { whyCommand } from "./why.ts";

function contextIn(cwd: string): CommandContext {
  return {
    ...{ env: {}, cwd, clock: systemClock, random: systemRandom, signal: new AbortController().signal, terminal: false, json: false },
    progress: () => {},
    emit: () => {},
    readInput: async () => "",
    askSecret: async () => undefined,
  };
}

const RULE: RuleExplanation = {
  kind: "rule",
  id: "applied-once",
  invariant: true,
  sentence: "Once.",
  decisions: [{ id: "adr-001", title: "T", status: "Proposed", path: "provisioning/adrs/adr-001-t.ncl", rule: "R." }],
  nodes: ["pool"],
  code: [
    ...Array.from({ length: 8 }, (_, index) => ({
      path: "packages/pool/src/steps.ts",
      line: index + 1,
      text: `${index + 1}. Point.`,
      node: "pool",
    })),
    { path: "packages/checker/src/check.ts", line: 9, text: "checks it", node: "checker" },
  ],
  checks: [
    { kind: "Checker", ref: "applied-once", decisions: ["adr-001"] },
    { kind: "Test", ref: "a.test.ts", decisions: [], title: "x", tests: [{ path: "a.test.ts", line: 3, title: "x is x" }] },
    { kind: "Test", ref: "a.test.ts", decisions: [], title: "is x", tests: [{ path: "a.test.ts", line: 3, title: "x is x" }] },
    { kind: "Test", ref: "b.test.ts", decisions: [], title: "y", tests: [] },
    { kind: "Validation", ref: "c", decisions: [], validation: "validate-ops-contract", what: "W." },
    { kind: "Tidy", ref: "cores are pure", decisions: [] },
    { kind: "Schema", ref: "s.ncl", decisions: [] },
  ],
  moreTests: [],
};

test("renderExplanation: a rule with what decided, keeps and guards it; what is long is counted, a test that is gone is told", () => {
  const text = renderExplanation(RULE, false);
  assert.deepEqual(text.split("\n"), [
    "applied-once",
    "  Once.",
    "",
    "Decided in",
    "  ADR-001  T (proposed)",
    "           R.",
    "           provisioning/adrs/adr-001-t.ncl",
    "",
    "Kept by",
    "  pool",
    ...[1, 2, 3, 4, 5, 6].flatMap((line) => [`    packages/pool/src/steps.ts:${line}`, `        ${line}. Point.`]),
    "    and 2 lines more (--all)",
    "",
    "Guarded by",
    "  schema          s.ncl",
    "  house rule      cores are pure  (npm run check)",
    "  test            a.test.ts:3",
    "                  x is x",
    "  test            b.test.ts",
    '                  ✘ no test there has "y" in its title any more',
    "  in operation    triplane validate validate-ops-contract",
    "                  c: W.",
    "  from outside    triplane check invariants --only applied-once",
  ]);
  const all = renderExplanation(RULE, true);
  assert.match(all, /steps\.ts:8\n/);
  assert.match(all, /and cited elsewhere\n {4}packages\/checker\/src\/check\.ts:9\n/);
});

test("renderExplanation: without the source it names the nodes and says why there are no lines", () => {
  const { code: _, ...rest } = RULE;
  assert.match(renderExplanation(rest, false), /Kept by\n {2}pool\n {2}\(no source here/);
});

test("triplane why: answers for every kind of name from this checkout, and a path is one from where people are", async () => {
  const ask = (name: string | undefined, cwd = tmpdir()) => whyCommand.invoke(name === undefined ? {} : { name }, {}, contextIn(cwd));
  assert.match((await ask(undefined)).text, /^Invariants: .*\n {2}policy-files-are-declarative-only {2}\(ADR-004, ADR-038/);
  assert.match((await ask("runner-always-destroyed")).text, /\nKept by\n {2}ephemeral-build-infrastructure\n {4}packages\//);
  assert.match((await ask("ADR-037")).text, /^ADR-037 {2}Every change[\s\S]*\nConstraints\n {2}ops-controller-single-workqueue-consumer\n/);
  assert.match((await ask("ephemeral-build-infrastructure")).text, /\nCarries\n {2}orchestrator/);
  assert.match(
    (await ask("./src/decide.ts", join(PRODUCT_ROOT, "packages/policy"))).text,
    /^packages\/policy\/src\/decide\.ts\n {2}is part of policy: /,
  );
  await assert.rejects(ask("../../etc/passwd"), { code: "why_unknown" });
});

test("triplane why --root: ontology_missing where there is none", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "why-"));
  t.after(() => rmSync(folder, { recursive: true }));
  await assert.rejects(whyCommand.invoke({}, { root: "." }, contextIn(folder)), { code: "ontology_missing" });
});

test("paragraph: broken at words, a long word whole; section: nothing without lines", () => {
  const lines = paragraph(`a ${"b".repeat(120)} c`, 2, 4);
  assert.deepEqual(lines, ["  a", `    ${"b".repeat(120)}`, "    c"]);
  assert.deepEqual(section("H", []), []);
});
