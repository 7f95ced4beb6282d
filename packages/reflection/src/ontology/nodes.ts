// Reading the ontology, provisioning/.ontology/core.ncl: data only, in shape, and consistent in itself.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import {
  conform,
  type NickelDocument,
  readNickel,
  readNickelFile,
  type SourcePosition,
  type ValuePath,
  type ValueProblem,
} from "@triplane/nickel";
import { type Ontology, type OntologyNode, ontologySchema } from "./schema.ts";

export const ONTOLOGY_FILE = "provisioning/.ontology/core.ncl";

/** The ontology, and where it says what. */
export interface OntologyFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly ontology: Ontology;
  /** Where the value at a path inside it stands. */
  positionOf(path: ValuePath): SourcePosition;
}

/**
 * The ontology of the repository at `root`. Throws `ontology_missing` where there is none, a nickel failure where it cannot be read as
 * data, `ontology_invalid` with every problem and its place.
 */
export function readOntology(root: string): OntologyFile {
  if (!existsSync(join(root, ONTOLOGY_FILE))) throw new TriplaneError("ontology_missing", `there is no ${ONTOLOGY_FILE} in ${root}`);
  return ontologyOf(readNickelFile(root, ONTOLOGY_FILE));
}

/** The same from texts by path. */
export function parseOntology(texts: ReadonlyMap<string, string>): OntologyFile {
  const text = texts.get(ONTOLOGY_FILE);
  if (text === undefined) throw new TriplaneError("ontology_missing", `there is no ${ONTOLOGY_FILE}`);
  return ontologyOf(readNickel(text, { file: ONTOLOGY_FILE, importer: (path) => texts.get(path) }));
}

/**
 * The node that a file belongs to: the one that lists the longest path that leads to it. Every path is listed once, so there is one or none.
 *
 * @example ownerOf(ontology, "packages/policy/src/decide.ts")?.id // "policy"
 */
export function ownerOf(ontology: Ontology, file: string): OntologyNode | undefined {
  let owner: { readonly node: OntologyNode; readonly length: number } | undefined;
  for (const node of ontology.nodes) {
    for (const path of node.artifact_paths) {
      const leads = path === file || file.startsWith(`${path}/`);
      if (leads && path.length > (owner?.length ?? -1)) owner = { node, length: path.length };
    }
  }
  return owner?.node;
}

function ontologyOf(document: NickelDocument): OntologyFile {
  const ontology = conform(document, {
    schema: ontologySchema,
    code: "ontology_invalid",
    whole: "the ontology",
    further: inconsistencies,
  });
  return { path: ONTOLOGY_FILE, ontology, positionOf: (path) => document.positionOf(path) };
}

function inconsistencies(ontology: Ontology): ValueProblem[] {
  const problems: ValueProblem[] = [];
  const ids = new Set<string>();
  const listed = new Map<string, string>();
  const add = (path: ValuePath, message: string): void => {
    problems.push({ path: ["nodes", ...path], message });
  };
  for (const [index, { id }] of ontology.nodes.entries()) {
    if (ids.has(id)) add([index, "id"], `there are two nodes ${id}`);
    ids.add(id);
  }
  for (const [index, node] of ontology.nodes.entries()) {
    for (const [at, path] of node.artifact_paths.entries()) {
      const other = listed.get(path);
      if (other !== undefined) add([index, "artifact_paths", at], `${path} is listed by ${other} already`);
      listed.set(path, node.id);
    }
    for (const [at, id] of node.rests_on.entries()) if (!ids.has(id)) add([index, "rests_on", at], `there is no node ${id}`);
    for (const field of ["invariants", "adrs", "rests_on"] as const) {
      const twice = node[field].findIndex((each, at) => node[field].indexOf(each as never) !== at);
      if (twice !== -1) add([index, field, twice], `${node[field][twice]} is there twice`);
    }
  }
  const circle = circleOf(ontology);
  if (circle !== undefined) {
    const first = ontology.nodes.findIndex(({ id }) => id === circle[0]);
    add([first, "rests_on"], `nodes rest on each other: ${circle.join(" → ")}`);
  }
  return problems;
}

/** Nodes that rest on each other in a circle, the first one again at the end. */
function circleOf({ nodes }: Ontology): readonly string[] | undefined {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const done = new Set<string>();
  const visit = (id: string, way: readonly string[]): readonly string[] | undefined => {
    if (done.has(id)) return undefined;
    const seenAt = way.indexOf(id);
    if (seenAt !== -1) return [...way.slice(seenAt), id];
    for (const next of byId.get(id)?.rests_on ?? []) {
      const circle = visit(next, [...way, id]);
      if (circle !== undefined) return circle;
    }
    done.add(id);
    return undefined;
  };
  for (const { id } of nodes) {
    const circle = visit(id, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}
