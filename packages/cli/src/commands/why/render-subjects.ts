// What can be asked about, as text.
import type { Subjects } from "@triplane/reflection";
import { paragraph, section } from "./lines.ts";

export function renderSubjects({ invariants, nodes, decisions }: Subjects): string {
  return [
    "Invariants: what always holds",
    ...invariants.flatMap(({ id, sentence, decisions: deciding }) => [
      `  ${id}  (${deciding.map((each) => each.toUpperCase()).join(", ")})`,
      ...paragraph(sentence, 6),
    ]),
    ...section(
      "Nodes: what the system consists of",
      nodes.flatMap(({ id, description }) => [`  ${id}`, ...paragraph(description, 6)]),
    ),
    ...section(
      "Decisions",
      decisions.flatMap(({ id, title }) => paragraph(`${id.toUpperCase()}  ${title}`, 2, 11)),
    ),
    "",
    "triplane why NAME shows what stands behind one of them; a constraint of a decision and a source file are names, too.",
  ].join("\n");
}
