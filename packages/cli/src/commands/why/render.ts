// The answer to "why" as text: what it is in a sentence, who decided it, where it is kept, what guards it.
import type {
  Citation,
  DecisionExplanation,
  Explanation,
  FileExplanation,
  GuardingCheck,
  NodeExplanation,
  RuleExplanation,
} from "@triplane/reflection";
import { counted } from "../../framework/table.ts";
import { list, paragraph, section } from "./lines.ts";

/** Without --all: lines of code of one node, and tests beside those that decisions name. */
const SHOWN_LINES = 6;
const SHOWN_TESTS = 4;

export function renderExplanation(about: Explanation, all: boolean): string {
  switch (about.kind) {
    case "rule":
      return renderRule(about, all);
    case "decision":
      return renderDecision(about, all);
    case "node":
      return renderNode(about);
    case "file":
      return renderFile(about);
  }
}

function renderRule(rule: RuleExplanation, all: boolean): string {
  return [
    rule.invariant ? rule.id : `${rule.id}  (a constraint of ${rule.decisions.map(({ id }) => id.toUpperCase()).join(", ")})`,
    ...paragraph(rule.sentence, 2),
    ...section(
      "Decided in",
      rule.decisions.flatMap(({ id, title, status, path, rule: says }) => [
        ...paragraph(`${id.toUpperCase()}  ${title}${status === "Accepted" ? "" : ` (${status.toLowerCase()})`}`, 2, 11),
        ...(says === rule.sentence ? [] : paragraph(says, 11)),
        `${" ".repeat(11)}${path}`,
      ]),
    ),
    ...section("Kept by", keptBy(rule, all)),
    ...section("Guarded by", guards(rule.checks)),
    ...section("Also named by", moreTests(rule, all)),
  ].join("\n");
}

function keptBy({ code, nodes }: RuleExplanation, all: boolean): readonly string[] {
  if (code === undefined) return [...list(nodes, 2), "  (no source here: which lines keep it is read from a checkout)"];
  if (code.length === 0 && nodes.length === 0) return ["  no code cites it: see what guards it"];
  // The checks of the checker and of validations cite it too, and are told of below.
  const keeping = nodes.length === 0 ? [...new Set(code.map(({ node }) => node ?? ""))] : nodes;
  const elsewhere = code.filter(({ node }) => !keeping.includes(node ?? ""));
  return [
    ...keeping.flatMap((owner) => {
      const lines = code.filter(({ node }) => (node ?? "") === owner);
      const shown = all ? lines : lines.slice(0, SHOWN_LINES);
      return lines.length === 0 ? [] : [`  ${owner}`, ...shown.flatMap(cited), ...more(lines.length - shown.length, "line")];
    }),
    ...(all && elsewhere.length > 0 ? ["  and cited elsewhere", ...elsewhere.flatMap(cited)] : []),
  ];
}

function cited({ path, line, text }: Citation): readonly string[] {
  return [`    ${path}:${line}`, ...paragraph(text, 8)];
}

function guards(checks: readonly GuardingCheck[]): readonly string[] {
  const told = new Set<string>();
  return [...checks].sort(byKind).flatMap((check) => guard(check, told));
}

/** `told` are the places of tests that were shown: the words of two decisions may lead to one test. */
function guard(check: GuardingCheck, told: Set<string>): readonly string[] {
  const { kind, ref, tests, title, validation, what } = check;
  switch (kind) {
    case "Test":
      if (tests === undefined) return [`  test            ${ref}`, ...paragraph(`"${title}"`, 18)];
      if (tests.length === 0) return [`  test            ${ref}`, ...paragraph(`✘ no test there has "${title}" in its title any more`, 18)];
      return tests.flatMap((test) => {
        const place = `${test.path}:${test.line}`;
        if (told.has(place)) return [];
        told.add(place);
        return [`  test            ${place}`, ...paragraph(test.title, 18)];
      });
    case "Checker":
      return [`  from outside    triplane check invariants --only ${ref}`];
    case "Validation":
      return [`  in operation    triplane validate ${validation ?? ""}`.trimEnd(), ...paragraph(`${ref}: ${what ?? ""}`, 18)];
    case "Tidy":
      return [`  house rule      ${ref}  (npm run check)`];
    case "Schema":
      return [`  schema          ${ref}`];
  }
}

const ORDER: readonly GuardingCheck["kind"][] = ["Schema", "Tidy", "Test", "Validation", "Checker"];

function byKind(a: GuardingCheck, b: GuardingCheck): number {
  return ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind);
}

function moreTests({ moreTests: tests = [] }: RuleExplanation, all: boolean): readonly string[] {
  const shown = all ? tests : tests.slice(0, SHOWN_TESTS);
  return [
    ...shown.flatMap(({ path, line, title }) => [`  ${path}:${line}`, ...paragraph(title, 8)]),
    ...more(tests.length - shown.length, "test"),
  ];
}

function more(count: number, noun: string): readonly string[] {
  return count <= 0 ? [] : [`    and ${counted(count, noun)} more (--all)`];
}

function renderDecision(decision: DecisionExplanation, all: boolean): string {
  const { id, title, status, date, planes, nodes, updates, updated_by, superseded_by, code } = decision;
  const remarks = [
    ...(superseded_by === undefined ? [] : [`superseded by ${superseded_by.toUpperCase()}`]),
    ...(updates.length === 0 ? [] : [`updates ${names(updates)}`]),
    ...(updated_by.length === 0 ? [] : [`updated by ${names(updated_by)}`]),
  ];
  const shown = all ? (code ?? []) : (code ?? []).slice(0, SHOWN_LINES);
  return [
    ...paragraph(`${id.toUpperCase()}  ${title}`, 0, 9),
    `  ${[status.toLowerCase(), date, planes.map((plane) => (plane === "Ci" ? "CI" : plane.toLowerCase())).join(", "), ...remarks].filter((part) => part !== "").join(" · ")}`,
    `  ${decision.path}${nodes.length === 0 ? "" : `  (${nodes.join(", ")})`}`,
    ...section("Context", verbatim(decision.context)),
    ...section("Decision", verbatim(decision.decision)),
    ...section(
      "Alternatives",
      decision.alternatives.flatMap((text) => paragraph(`- ${text}`, 2, 4)),
    ),
    ...section("Consequences", verbatim(decision.consequences)),
    ...section(
      "Constraints",
      decision.constraints.flatMap(({ id: constraint, rule, checks }) => [
        `  ${constraint}`,
        ...paragraph(rule, 4),
        ...checks.map(({ kind, ref }) => `    ${kind.toLowerCase()}: ${ref}`),
      ]),
    ),
    ...section("Cited by", [...shown.flatMap(cited), ...more((code ?? []).length - shown.length, "line")]),
  ].join("\n");
}

function renderNode(node: NodeExplanation): string {
  return [
    node.id,
    ...paragraph(node.description, 2),
    ...section("Files", list(node.artifact_paths, 2)),
    ...section("Keeps", list(node.invariants, 2)),
    ...section(
      "Decided in",
      node.decisions.flatMap(({ id, title }) => paragraph(`${id.toUpperCase()}  ${title}`, 2, 11)),
    ),
    ...section("Rests on", list(node.rests_on, 2)),
    ...section("Carries", list(node.carries, 2)),
  ].join("\n");
}

function renderFile({ path, node, invariants = [], decisions = [] }: FileExplanation): string {
  return [
    path,
    ...paragraph(`is part of ${node.id}: ${node.description}`, 2),
    ...section(
      "Keeps",
      invariants.flatMap(({ id, sentence, lines }) => [`  ${id}  (${lineNumbers(lines)})`, ...paragraph(sentence, 4)]),
    ),
    ...section(
      "Cites",
      decisions.flatMap(({ id, title, lines }) => paragraph(`${id.toUpperCase()}  ${title} (${lineNumbers(lines)})`, 2, 11)),
    ),
  ].join("\n");
}

function lineNumbers(lines: readonly number[]): string {
  return `line${lines.length === 1 ? "" : "s"} ${lines.join(", ")}`;
}

function names(ids: readonly string[]): string {
  return ids.map((id) => id.toUpperCase()).join(", ");
}

/** A text that is wrapped in its file already. */
function verbatim(text: string): readonly string[] {
  return text.split("\n").map((line) => (line === "" ? "" : `  ${line}`));
}
