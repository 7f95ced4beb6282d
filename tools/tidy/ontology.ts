// Rules that keep the ontology and the decisions true: files that exist and belong somewhere, checks that exist and can fail.
import { matchesGlob } from "node:path";
import { INVARIANTS, TriplaneError } from "@triplane/contract";
import {
  ADR_FOLDER,
  type AdrFile,
  type ConstraintCheck,
  ONTOLOGY_FILE,
  type OntologyFile,
  ownerOf,
  parseAdrs,
  parseOntology,
  VALIDATION_CHECKS,
} from "@triplane/reflection";
import { GROUPS } from "../test/groups.ts";
import { isSource, isTest, type Problem, type Repository, type Rule } from "./repository.ts";

/** Both can be read, and each says nothing against itself or the other. */
export function ontologyIsSound(repository: Repository): Problem[] {
  const { ontology, adrs, problems } = known(repository);
  if (ontology === undefined || adrs === undefined) return [...problems];
  const nodes = ontology.ontology.nodes;
  return nodes.flatMap((node, index) =>
    node.adrs.flatMap((id, at) =>
      adrs.some(({ adr }) => adr.id === id)
        ? []
        : [placed(ontology, ["nodes", index, "adrs", at], `${node.id}: there is no decision ${id}`)],
    ),
  );
}

/** Each decision is about a part of the system, which says so. */
export function decisionsBelongToNodes(repository: Repository): Problem[] {
  const { ontology, adrs } = known(repository);
  if (ontology === undefined || adrs === undefined) return [];
  const listed = new Set(ontology.ontology.nodes.flatMap((node) => node.adrs));
  return adrs
    .filter(({ adr }) => !listed.has(adr.id))
    .map((file) => placed(file, ["id"], `no node of ${ONTOLOGY_FILE} lists ${file.adr.id}: add it to the part that it is about`));
}

/** Every path of a node exists; every file belongs to the one node whose path to it is the longest. */
export function filesBelongToNodes(repository: Repository): Problem[] {
  const { ontology } = known(repository);
  if (ontology === undefined) return [];
  const problems = repository.paths
    .filter((path) => ownerOf(ontology.ontology, path) === undefined)
    .map((path) => ({ path, what: `belongs to no node of ${ONTOLOGY_FILE}: add it, or its folder, to the part that it is of` }));
  for (const [index, node] of ontology.ontology.nodes.entries()) {
    for (const [at, path] of node.artifact_paths.entries()) {
      if (!repository.paths.some((file) => file === path || file.startsWith(`${path}/`)))
        problems.push(placed(ontology, ["nodes", index, "artifact_paths", at], `${node.id}: there is no ${path}`));
    }
  }
  return problems;
}

/** A node rests on the nodes of the packages that its own packages depend on. */
export function nodesRestOnImports(repository: Repository): Problem[] {
  const { ontology } = known(repository);
  if (ontology === undefined) return [];
  const manifests = repository.paths
    .filter((path) => /^packages\/.+\/package\.json$/.test(path))
    .map((path) => [path, manifestOf(repository, path)] as const);
  const folderOf = new Map(manifests.map(([path, { name }]) => [name, path]));
  return manifests.flatMap(([path, { dependencies = {} }]) => {
    const node = ownerOf(ontology.ontology, path);
    if (node === undefined) return [];
    const index = ontology.ontology.nodes.indexOf(node);
    const missing = Object.keys(dependencies)
      .map((name) => ownerOf(ontology.ontology, folderOf.get(name) ?? ""))
      .filter((needed) => needed !== undefined && needed !== node && !node.rests_on.includes(needed.id))
      .map((needed) => needed?.id ?? "");
    return [...new Set(missing)].map((id) =>
      placed(ontology, ["nodes", index, "id"], `${node.id} depends on ${id} (${path}), and does not say that it rests on it`),
    );
  });
}

/** Each check of a constraint exists, and something shows that it fails when the rule is broken. */
export function constraintsCanFail(repository: Repository, rules: Readonly<Record<string, Rule>>): Problem[] {
  return (known(repository).adrs ?? []).flatMap((file) =>
    file.adr.constraints.flatMap((constraint, index) =>
      constraint.checks.flatMap((check, at) => {
        const what = whyItCannotFail(check, constraint.id, repository, rules);
        return what === undefined ? [] : [placed(file, ["constraints", index, "checks", at], `${constraint.id}: ${what}`)];
      }),
    ),
  );
}

/** Each invariant is a constraint of an accepted decision, and is cited by the code of every node that keeps it, of one at least. */
export function invariantsAreKept(repository: Repository): Problem[] {
  const { ontology, adrs } = known(repository);
  if (ontology === undefined || adrs === undefined) return [];
  const problems: Problem[] = [];
  for (const id of Object.keys(INVARIANTS)) {
    const decided = adrs.some(({ adr }) => adr.status === "Accepted" && adr.constraints.some((constraint) => constraint.id === id));
    if (!decided) problems.push({ path: ADR_FOLDER, what: `no accepted decision has the invariant ${id} as a constraint` });
    const keeping = ontology.ontology.nodes.filter(({ invariants }) => invariants.some((each) => each === id));
    if (keeping.length === 0) problems.push({ path: ONTOLOGY_FILE, what: `no node keeps the invariant ${id}` });
    for (const node of keeping) {
      const cites = repository.paths.some(
        (path) =>
          isSource(path) && !isTest(path) && ownerOf(ontology.ontology, path) === node && repository.text(path)?.includes(id) === true,
      );
      const index = ontology.ontology.nodes.indexOf(node);
      if (!cites) problems.push(placed(ontology, ["nodes", index, "invariants"], `no source file of ${node.id} cites ${id}`));
    }
  }
  return problems;
}

function whyItCannotFail(
  { kind, ref, title }: ConstraintCheck,
  constraint: string,
  repository: Repository,
  rules: Readonly<Record<string, Rule>>,
): string | undefined {
  const text = repository.text(ref);
  switch (kind) {
    case "Schema":
      return text === undefined ? `there is no ${ref}` : undefined;
    case "Test":
      if (text === undefined) return `there is no ${ref}`;
      if (!GROUPS.some(({ patterns }) => patterns.some((pattern) => matchesGlob(ref, pattern))))
        return `${ref} is in no group of tests (tools/test/groups.ts)`;
      return whyTestCannotFail(text, title ?? constraint, ref);
    case "Tidy":
      if (!Object.hasOwn(rules, ref)) return `there is no house rule ${JSON.stringify(ref)} (tools/tidy/index.ts)`;
      return textsOf(repository, /^tools\/tidy\/.*\.test\.ts$/).some((each) =>
        titlesOf(each).some((line) => line.startsWith(`${rules[ref]?.name}: `)),
      )
        ? undefined
        : `no test shows that the house rule ${JSON.stringify(ref)} notices anything`;
    case "Checker":
      if (!textsOf(repository, /^packages\/checker\/src\/check\.ts$/).some((each) => each.includes(`"${ref}": {`)))
        return `triplane check invariants has no check ${ref}`;
      return textsOf(repository, /^test\/checker\/.*\.ts$/).some((each) => each.includes(`"${ref}": [`))
        ? undefined
        : `no test breaks ${ref} for triplane check invariants`;
    case "Validation":
      if (!VALIDATION_CHECKS.some(({ id }) => id === ref)) return `triplane validate has no check ${ref}`;
      return textsOf(repository, /^(?:test|packages\/reflection\/src\/validation)\/.*\.test\.ts$/).some((each) => each.includes(ref))
        ? undefined
        : `no test breaks what the check ${ref} looks at`;
  }
}

function whyTestCannotFail(text: string, words: string, ref: string): string | undefined {
  if (!titlesOf(text).some((title) => title.includes(words))) return `no test of ${ref} has ${JSON.stringify(words)} in its title`;
  return /\bassert\b/.test(text) ? undefined : `${ref} asserts nothing`;
}

/** The titles of the tests and groups of a file that are not left out. */
function titlesOf(text: string): string[] {
  const code = text.replaceAll(/^\s*\/\/.*$/gm, "");
  return [...code.matchAll(/\b(?:test|it|describe|suite)\(\s*(["'`])((?:\\.|(?!\1)[\s\S])*)\1/g)].map((match) => match[2] ?? "");
}

function textsOf(repository: Repository, pattern: RegExp): string[] {
  return repository.paths.filter((path) => pattern.test(path)).map((path) => repository.text(path) ?? "");
}

interface Manifest {
  readonly name?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function manifestOf(repository: Repository, path: string): Manifest {
  return JSON.parse(repository.text(path) ?? "{}");
}

function placed(file: Pick<AdrFile | OntologyFile, "positionOf">, path: readonly (string | number)[], what: string): Problem {
  const { file: name, line } = file.positionOf(path);
  return { path: name, line, what };
}

interface Known {
  readonly ontology: OntologyFile | undefined;
  readonly adrs: readonly AdrFile[] | undefined;
  /** Why one of them could not be read. */
  readonly problems: readonly Problem[];
}

const read = new WeakMap<Repository, Known>();

function known(repository: Repository): Known {
  const before = read.get(repository);
  if (before !== undefined) return before;
  const texts = new Map(
    repository.paths.filter((path) => path.startsWith("provisioning/")).map((path) => [path, repository.text(path) ?? ""] as const),
  );
  const problems: Problem[] = [];
  const attempt = <T>(parse: (texts: ReadonlyMap<string, string>) => T): T | undefined => {
    try {
      return parse(texts);
    } catch (thrown) {
      if (!(thrown instanceof TriplaneError)) throw thrown;
      problems.push(...thrown.message.split("\n").map((what) => ({ path: "provisioning", what })));
      return undefined;
    }
  };
  const now: Known = { ontology: attempt(parseOntology), adrs: attempt(parseAdrs), problems };
  read.set(repository, now);
  return now;
}
