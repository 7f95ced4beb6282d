// why(subject): an invariant or another rule, a decision, a node or a file, with everything that stands behind it.
import { INVARIANTS, TriplaneError } from "@triplane/contract";
import { nearest } from "@triplane/nickel";
import { VALIDATION_CHECKS } from "../../validation/checks/index.ts";
import type { AdrFile } from "../adrs.ts";
import { ownerOf } from "../nodes.ts";
import type { OntologyNode } from "../schema.ts";
import type {
  DecisionExplanation,
  Explanation,
  FileExplanation,
  GuardingCheck,
  NodeExplanation,
  RuleExplanation,
  Subjects,
} from "./explanation.ts";
import type { Knowledge } from "./knowledge.ts";
import { citationsOf, testsNaming } from "./sources.ts";

const INVARIANT_SENTENCES: Readonly<Record<string, string>> = INVARIANTS;
const INVARIANTS_FILE = "packages/contract/src/invariants.ts";
const MAX_SUGGESTIONS = 5;

/**
 * Answers for the id of an invariant, a constraint, a node or a decision (`adr-037`, `ADR-037`, `37`), or the path of a file from the root.
 * Throws `why_unknown` with the nearest subjects.
 *
 * @example why(openKnowledge(root), "applied-once")
 */
export function why(knowledge: Knowledge, subject: string): Explanation {
  const asked = subject.trim();
  const decision = knowledge.adrs.find(({ adr }) => adr.id === adrIdOf(asked));
  if (decision !== undefined) return explainDecision(knowledge, decision);
  const id = asked.toLowerCase();
  if (Object.hasOwn(INVARIANTS, id) || knowledge.adrs.some(({ adr }) => adr.constraints.some((each) => each.id === id)))
    return explainRule(knowledge, id);
  const node = knowledge.ontology.nodes.find((each) => each.id === id);
  if (node !== undefined) return explainNode(knowledge, node);
  const file = explainFile(knowledge, asked.replace(/^(?:\.\/)+/, ""));
  if (file !== undefined) return file;
  throw unknown(knowledge, asked);
}

/** What can be asked about, in the order in which people ask. */
export function subjectsOf({ ontology, adrs }: Knowledge): Subjects {
  return {
    kind: "subjects",
    invariants: Object.entries(INVARIANT_SENTENCES).map(([id, sentence]) => ({
      id,
      sentence,
      decisions: decisionsOf(adrs, id).map(({ adr }) => adr.id),
    })),
    nodes: ontology.nodes.map(({ id, description }) => ({ id, description: oneLine(description) })),
    decisions: adrs.map(({ adr: { id, title } }) => ({ id, title: oneLine(title) })),
  };
}

function explainRule(knowledge: Knowledge, id: string): RuleExplanation {
  const { ontology, adrs, sources } = knowledge;
  const decisions = decisionsOf(adrs, id).map(({ path, adr }) => ({
    id: adr.id,
    title: oneLine(adr.title),
    status: adr.status,
    path,
    rule: oneLine(adr.constraints.find((each) => each.id === id)?.rule ?? ""),
  }));
  const checks = checksOf(knowledge, id);
  const told = new Set(checks.flatMap(({ tests = [] }) => tests.map(({ path, line }) => `${path}:${line}`)));
  return {
    kind: "rule",
    id,
    invariant: Object.hasOwn(INVARIANTS, id),
    sentence: INVARIANT_SENTENCES[id] ?? decisions[0]?.rule ?? "",
    decisions,
    nodes: ontology.nodes.filter(({ invariants }) => invariants.includes(id)).map((node) => node.id),
    checks,
    ...(sources === undefined
      ? {}
      : {
          // Code names invariants; of other rules it names the decision.
          code: [id, ...(Object.hasOwn(INVARIANTS, id) ? [] : decisions.map((decision) => decision.id.toUpperCase()))]
            .flatMap((each) => citationsOf(sources, each))
            .filter(({ path }) => path !== INVARIANTS_FILE)
            .map((citation) => ({ ...citation, node: ownerOf(ontology, citation.path)?.id })),
          moreTests: testsNaming(sources, id).filter(({ path, line }) => !told.has(`${path}:${line}`)),
        }),
  };
}

function checksOf({ adrs, sources }: Knowledge, id: string): readonly GuardingCheck[] {
  const checks = new Map<string, GuardingCheck>();
  for (const { adr } of decisionsOf(adrs, id)) {
    for (const { kind, ref, title: words } of adr.constraints.find((each) => each.id === id)?.checks ?? []) {
      const title = kind === "Test" ? (words ?? id) : undefined;
      const key = `${kind} ${ref} ${title ?? ""}`;
      const before = checks.get(key);
      const validation = kind === "Validation" ? VALIDATION_CHECKS.find((each) => each.id === ref) : undefined;
      checks.set(key, {
        kind,
        ref,
        decisions: [...(before?.decisions ?? []), adr.id],
        ...(title === undefined ? {} : { title }),
        ...(title === undefined || sources === undefined ? {} : { tests: testsNaming(sources, title, ref) }),
        ...(validation === undefined ? {} : { validation: validation.validation, what: validation.what }),
      });
    }
  }
  for (const { validation, id: ref, invariant, what } of VALIDATION_CHECKS) {
    const key = `Validation ${ref} `;
    if (invariant === id && !checks.has(key)) checks.set(key, { kind: "Validation", ref, decisions: [], validation, what });
  }
  return [...checks.values()];
}

function explainDecision({ ontology, adrs, sources }: Knowledge, { path, adr }: AdrFile): DecisionExplanation {
  return {
    kind: "decision",
    path,
    ...adr,
    updated_by: adrs.filter((other) => other.adr.updates.includes(adr.id)).map((other) => other.adr.id),
    nodes: ontology.nodes.filter((node) => node.adrs.includes(adr.id)).map((node) => node.id),
    ...(sources === undefined ? {} : { code: citationsOf(sources, adr.id.toUpperCase()) }),
  };
}

function explainNode({ ontology, adrs }: Knowledge, node: OntologyNode): NodeExplanation {
  return {
    kind: "node",
    id: node.id,
    description: oneLine(node.description),
    artifact_paths: node.artifact_paths,
    invariants: node.invariants,
    decisions: node.adrs.map((id) => ({ id, title: oneLine(adrs.find(({ adr }) => adr.id === id)?.adr.title ?? "") })),
    rests_on: node.rests_on,
    carries: ontology.nodes.filter((other) => other.rests_on.includes(node.id)).map((other) => other.id),
  };
}

function explainFile({ ontology, adrs, sources }: Knowledge, path: string): FileExplanation | undefined {
  const node = ownerOf(ontology, path);
  const listed = node?.artifact_paths.includes(path) === true;
  // Below a node's folder anything might be asked for; without the file itself there is nothing to say.
  const text = sources?.paths.includes(path) === true ? sources.text(path) : undefined;
  if (node === undefined || (!listed && text === undefined)) return undefined;
  const found = { kind: "file" as const, path, node: { id: node.id, description: oneLine(node.description) } };
  if (text === undefined) return found;
  const linesOf = (id: string): number[] => text.split("\n").flatMap((line, index) => (line.toLowerCase().includes(id) ? [index + 1] : []));
  return {
    ...found,
    invariants: Object.entries(INVARIANT_SENTENCES)
      .map(([id, sentence]) => ({ id, sentence, lines: linesOf(id) }))
      .filter(({ lines }) => lines.length > 0),
    decisions: adrs
      .map(({ adr: { id, title } }) => ({ id, title: oneLine(title), lines: linesOf(id) }))
      .filter(({ lines }) => lines.length > 0),
  };
}

function decisionsOf(adrs: readonly AdrFile[], id: string): readonly AdrFile[] {
  return adrs.filter(({ adr }) => adr.constraints.some((constraint) => constraint.id === id));
}

function adrIdOf(subject: string): string | undefined {
  const number = /^(?:adr[- ]?)?0*([0-9]{1,3})$/i.exec(subject)?.[1];
  return number === undefined ? undefined : `adr-${number.padStart(3, "0")}`;
}

function unknown(knowledge: Knowledge, subject: string): TriplaneError {
  const { ontology, adrs } = knowledge;
  const constraints = new Set([...Object.keys(INVARIANTS), ...adrs.flatMap(({ adr }) => adr.constraints.map(({ id }) => id))]);
  const subjects = [...constraints, ...ontology.nodes.map(({ id }) => id)];
  const words = subject
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word.length > 2);
  const alike = subjects
    .map((id) => ({ id, hits: words.filter((word) => id.includes(word)).length }))
    .filter(({ hits }) => hits > 0)
    .sort((a, b) => b.hits - a.hits)
    .map(({ id }) => id);
  const close = nearest(subject, [...subjects, ...adrs.map(({ adr }) => adr.id)]);
  const suggestions = [...new Set([...(close === undefined ? [] : [close]), ...alike])].slice(0, MAX_SUGGESTIONS);
  return new TriplaneError("why_unknown", `nothing here is called ${JSON.stringify(subject.slice(0, 100))}`, {
    ...(suggestions.length === 0
      ? {}
      : { hint: `Did you mean ${suggestions.join(", ")}? \`triplane why\` lists everything that can be asked about.` }),
    details: { suggestions },
  });
}

/** A text that is wrapped in its file, as one line. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
