// Reading the decisions of provisioning/adrs/*.ncl: data only, in shape, and consistent with one another.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import {
  examine,
  type NickelDocument,
  type Problem,
  placeProblems,
  problemsFailure,
  readNickel,
  readNickelFile,
  type SourcePosition,
  type ValuePath,
  type ValueProblem,
} from "@triplane/nickel";
import { type Adr, adrSchema } from "./schema.ts";

export const ADR_FOLDER = "provisioning/adrs";

const WHOLE = "the decision";
const FILE_NAME = /^(adr-[0-9]{3})-[a-z0-9]+(?:-[a-z0-9]+)*\.ncl$/;

/** A decision, and where it stands. */
export interface AdrFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly adr: Adr;
  /** Where the value at a path inside the decision stands. */
  positionOf(path: ValuePath): SourcePosition;
}

/**
 * All decisions of the repository at `root`, by number. Throws `ontology_missing` where there are none, a nickel failure for a file that
 * cannot be read as data, `ontology_invalid` with every problem and its place.
 */
export function readAdrs(root: string): readonly AdrFile[] {
  let names: string[];
  try {
    names = readdirSync(join(root, ADR_FOLDER)).filter((name) => name.endsWith(".ncl"));
  } catch (cause) {
    throw new TriplaneError("ontology_missing", `there is no folder ${ADR_FOLDER} in ${root}`, { cause });
  }
  return adrsOf(names.sort().map((name) => [`${ADR_FOLDER}/${name}`, readNickelFile(root, `${ADR_FOLDER}/${name}`)]));
}

/** The same from texts by path. */
export function parseAdrs(texts: ReadonlyMap<string, string>): readonly AdrFile[] {
  const paths = [...texts.keys()].filter((path) => path.startsWith(`${ADR_FOLDER}/`) && path.endsWith(".ncl")).sort();
  return adrsOf(paths.map((path) => [path, readNickel(texts.get(path) ?? "", { file: path, importer: (each) => texts.get(each) })]));
}

function adrsOf(documents: readonly (readonly [string, NickelDocument])[]): readonly AdrFile[] {
  const problems: Problem[] = [];
  const read: { readonly file: AdrFile; readonly document: NickelDocument }[] = [];
  for (const [path, document] of documents) {
    const { value: adr, problems: found } = examine(document, { schema: adrSchema, whole: WHOLE });
    problems.push(...found);
    if (adr !== undefined) read.push({ file: { path, adr, positionOf: (at) => document.positionOf(at) }, document });
  }
  const files = read.map(({ file }) => file);
  // References are looked at only where all is in shape: a file that could not be read would be missing from them.
  if (problems.length === 0)
    problems.push(...read.flatMap(({ file, document }) => placeProblems(document, WHOLE, inconsistencies(file, files))));
  if (problems.length > 0) throw problemsFailure("ontology_invalid", problems);
  return files.sort((a, b) => (a.adr.id < b.adr.id ? -1 : 1));
}

function inconsistencies(file: AdrFile, files: readonly AdrFile[]): ValueProblem[] {
  const { adr } = file;
  const problems: ValueProblem[] = [];
  const add = (path: ValuePath, message: string): void => {
    problems.push({ path, message });
  };
  const exists = (id: string): boolean => files.some((other) => other.adr.id === id);
  if (FILE_NAME.exec(file.path.slice(ADR_FOLDER.length + 1))?.[1] !== adr.id)
    add(["id"], `the file is not named ${adr.id}-words-of-the-title.ncl`);
  const twin = files.find((other) => other !== file && other.adr.id === adr.id);
  if (twin !== undefined) add(["id"], `${adr.id} is also ${twin.path}`);
  if ((adr.status === "Superseded") !== (adr.superseded_by !== undefined))
    add(["status"], "a superseded decision, and no other, says what it is superseded_by");
  if (adr.superseded_by !== undefined && !exists(adr.superseded_by)) add(["superseded_by"], `there is no ${adr.superseded_by}`);
  for (const [index, id] of adr.updates.entries()) {
    if (id === adr.id || !exists(id)) add(["updates", index], id === adr.id ? "it cannot update itself" : `there is no ${id}`);
  }
  const seen = new Set<string>();
  for (const [index, { id }] of adr.constraints.entries()) {
    if (seen.has(id)) add(["constraints", index, "id"], `the constraint ${id} is there twice`);
    seen.add(id);
  }
  return problems;
}
