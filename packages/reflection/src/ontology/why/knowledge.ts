// Everything that the system knows of itself, opened once: nodes, decisions, and the source where it is at hand.
import { type AdrFile, readAdrs } from "../adrs.ts";
import { readOntology } from "../nodes.ts";
import type { Ontology } from "../schema.ts";
import { readSources, type SourceFiles } from "./sources.ts";

export interface Knowledge {
  readonly ontology: Ontology;
  readonly adrs: readonly AdrFile[];
  /** Absent where only the provisioning folder is there. */
  readonly sources: SourceFiles | undefined;
}

/** Throws `ontology_missing`, `ontology_invalid` or a nickel failure. `root` is the folder that holds `provisioning/`. */
export function openKnowledge(root: string): Knowledge {
  return { ontology: readOntology(root).ontology, adrs: readAdrs(root), sources: readSources(root) };
}
