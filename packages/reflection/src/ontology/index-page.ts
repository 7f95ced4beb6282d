// The index of the decisions as Markdown: by number, and by invariant.
import { INVARIANTS } from "@triplane/contract";
import type { AdrFile } from "./adrs.ts";
import type { Adr } from "./schema.ts";

/** The lines below the heading of docs/explanation/decisions.md. `toRoot` leads from the page to the root of the repository. */
export function decisionIndex(files: readonly AdrFile[], toRoot: string): readonly string[] {
  const link = ({ path, adr }: AdrFile): string => `[${adr.id.toUpperCase()}](${toRoot}${path})`;
  return [
    "Why Triplane is as it is. Each decision is one file: context, decision, alternatives, consequences, and its constraints, each with the checks that enforce it. `triplane why INVARIANT` shows what stands behind an invariant; [the ontology](../reference/ontology.md) says how to write a decision.",
    "",
    "| decision | what was decided | planes | constraints |",
    "| --- | --- | --- | --- |",
    ...files.map((file) => {
      const { adr } = file;
      const constraints = adr.constraints.map(({ id }) => `\`${id}\``).join(" ");
      return `| ${link(file)} | ${escaped(adr.title)}${remark(adr)} | ${adr.planes.map(planeName).join(", ")} | ${constraints} |`;
    }),
    "",
    "## By invariant",
    "",
    "| invariant | decisions that it is a constraint of |",
    "| --- | --- |",
    ...Object.keys(INVARIANTS).map((invariant) => {
      const deciding = files.filter(({ adr }) => adr.constraints.some(({ id }) => id === invariant));
      return `| \`${invariant}\` | ${deciding.map(link).join(", ")} |`;
    }),
  ];
}

function remark({ status, superseded_by, updates }: Adr): string {
  const remarks = [
    ...(status === "Proposed" ? ["proposed"] : []),
    ...(superseded_by === undefined ? [] : [`superseded by ${superseded_by.toUpperCase()}`]),
    ...(updates.length === 0 ? [] : [`updates ${updates.map((id) => id.toUpperCase()).join(", ")}`]),
  ];
  return remarks.length === 0 ? "" : ` (${remarks.join("; ")})`;
}

/** `CI`, `workload`: as people write it. */
export function planeName(plane: Adr["planes"][number]): string {
  return plane === "Ci" ? "CI" : plane.toLowerCase();
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}
