// Rules about who imports whom.
import { posix } from "node:path";
import { isSource, isTest, linesOf, type Problem, type Repository } from "./repository.ts";
import { ALSO_IN_TESTS, FORBIDDEN_DEPENDENCIES, ROOMS } from "./rooms.ts";

const OURS = "@triplane/";
/** Doors to the names of a package for programs that start without the rest of it. */
const LIGHT_DOORS: readonly string[] = ["options", "identities", "layout"];
// Statements as Biome writes them: one a line, or the last line of one; and dynamic imports.
const SPECIFIER = /^(?:(?:import|export)\b[^"']*|\}) from "([^"]+)";$|^import "([^"]+)";$|\bawait import\("([^"]+)"\)/g;

// A program that writes a generated file (`write-….ts`) is not part of the core that it writes for.
const PURE = /\/service\.ts$|^packages\/policy\/src\/(?!write-)/;

interface Import {
  readonly path: string;
  readonly line: number;
  readonly specifier: string;
}

/**
 * Our packages are imported by their root, in tests also by `…/testing`, and by a light door where a program starts with the names of what it
 * loads only when it is wanted (`…/options`: a daemon's); along the table of rooms; a relative import stays in its package.
 */
export function importsFollowRooms(repository: Repository): Problem[] {
  const problems: Problem[] = [];
  for (const { path, line, specifier } of importsOf(repository)) {
    const here = roomOf(path);
    if (here === undefined) continue;
    if (specifier.startsWith(".")) {
      const target = posix.join(posix.dirname(path), specifier);
      if (!target.startsWith(`${here.folder}/`))
        problems.push({ path, line, what: `${specifier} leaves ${here.folder}: import @triplane/… instead` });
    } else if (specifier.startsWith(OURS)) {
      const [name = "", ...deeper] = specifier.slice(OURS.length).split("/");
      const allowed = here.mayImport.includes(name) || (isTest(path) && (ALSO_IN_TESTS.includes(name) || here.name === "testkit"));
      const isTestHelp = deeper.join("/") === "testing" && isTest(path);
      if (deeper.length > 0 && !isTestHelp && !LIGHT_DOORS.includes(deeper.join("/")))
        problems.push({ path, line, what: `${specifier}: only the root of a package is public` });
      if (!allowed && name !== here.name)
        problems.push({ path, line, what: `${here.name} may not import ${specifier} (tools/tidy/rooms.ts)` });
    }
  }
  return problems;
}

/** What is imported is declared, what is declared is allowed, and no room lists what it may not do. */
export function dependenciesAreDeclared(repository: Repository): Problem[] {
  const problems: Problem[] = [];
  for (const [name, { folder, mayImport }] of Object.entries(ROOMS)) {
    const path = `${folder}/package.json`;
    const text = repository.text(path);
    if (text === undefined) {
      problems.push({ path, what: "is in tools/tidy/rooms.ts and does not exist" });
      continue;
    }
    const manifest: { name: string; dependencies?: Record<string, string>; devDependencies?: Record<string, string> } = JSON.parse(text);
    const declared = new Set(Object.keys(manifest.dependencies ?? {}));
    const forTests = new Set(Object.keys(manifest.devDependencies ?? {}));
    const forbidden = FORBIDDEN_DEPENDENCIES[name];
    for (const dependency of declared) {
      if (dependency.startsWith(OURS) && !mayImport.includes(dependency.slice(OURS.length))) {
        problems.push({ path, what: `${name} may not depend on ${dependency}` });
      }
      if (forbidden?.pattern.test(dependency)) problems.push({ path, what: `${name} may not depend on ${dependency}: ${forbidden.why}` });
    }
    for (const each of importsOf(repository)) {
      if (!each.path.startsWith(`${folder}/src/`) || each.specifier.startsWith(".") || each.specifier.startsWith("node:")) continue;
      const [first = "", second = ""] = each.specifier.split("/");
      const dependency = first.startsWith("@") ? `${first}/${second}` : first;
      if (declared.has(dependency) || dependency === `${OURS}${name}`) continue;
      // Tests also use what the root and the testkit bring.
      if (isTest(each.path) && (forTests.has(dependency) || isTestDependency(dependency))) continue;
      problems.push({ path: each.path, line: each.line, what: `${dependency} is not in ${path}` });
    }
  }
  return problems;
}

/** No package reaches itself through what it imports. */
export function roomsHaveNoCycle(): Problem[] {
  const problems: Problem[] = [];
  const done = new Set<string>();
  const visit = (name: string, trail: readonly string[]): void => {
    if (trail.includes(name)) {
      problems.push({ path: "tools/tidy/rooms.ts", what: `a cycle: ${[...trail.slice(trail.indexOf(name)), name].join(" → ")}` });
      return;
    }
    if (done.has(name)) return;
    for (const next of ROOMS[name]?.mayImport ?? []) visit(next, [...trail, name]);
    done.add(name);
  };
  for (const name of Object.keys(ROOMS)) visit(name, []);
  return problems;
}

/** A decision core takes messages and time and gives effects; it cannot reach the system. */
export function coresArePure(repository: Repository): Problem[] {
  return importsOf(repository)
    .filter(({ path, specifier }) => PURE.test(path) && !isTest(path) && specifier.startsWith("node:"))
    .map(({ path, line, specifier }) => ({ path, line, what: `${specifier}: this file is pure, time and messages come in as arguments` }));
}

function importsOf(repository: Repository): Import[] {
  const imports: Import[] = [];
  for (const path of repository.paths.filter((each) => isSource(each) && each.startsWith("packages/"))) {
    for (const [line, content] of linesOf(repository.text(path) ?? "")) {
      if (/^\s*(\/\/|\*)/.test(content)) continue;
      for (const match of content.matchAll(SPECIFIER)) {
        imports.push({ path, line, specifier: match[1] ?? match[2] ?? match[3] ?? "" });
      }
    }
  }
  return imports;
}

function isTestDependency(dependency: string): boolean {
  return dependency === "fast-check" || dependency === "jose" || dependency.startsWith(OURS);
}

function roomOf(path: string) {
  const entry = Object.entries(ROOMS).find(([, { folder }]) => path.startsWith(`${folder}/`));
  return entry === undefined ? undefined : { name: entry[0], ...entry[1] };
}
