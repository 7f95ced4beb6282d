// What is asked of both: the corpus, the files that ship, and mutations of the good ones.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { EnumTag, type NickelValue, type ValuePath } from "@triplane/nickel";
import fc from "fast-check";

export const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const CORPUS = join(ROOT, "test/schemas/corpus");

export interface Sample {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

function filesIn(folder: string, pick: (name: string) => string): readonly Sample[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder))
    .map((name) => join(folder, pick(name)))
    .filter((path) => path.endsWith(".ncl") && existsSync(join(ROOT, path)))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
}

/** Files of the corpus for `mode.ncl`: those in corpus/mode. */
export function corpusOf(file: string, kind: "good" | "bad"): readonly Sample[] {
  return filesIn(join(CORPUS.slice(ROOT.length + 1), file.replace(/\.ncl$/, ""), kind), (name) => name);
}

/** What ships: contracts have to accept all of it. */
export const SHIPPED: Readonly<Record<string, readonly Sample[]>> = {
  "component.ncl": filesIn("provisioning/catalog/components", (name) => join(name, "component.ncl")),
  "buildkit_runner.ncl": filesIn("provisioning/catalog/components/buildkit-runner", (name) => name),
  "mode.ncl": filesIn("provisioning/reflection/modes", (name) => name),
  "playbook.ncl": filesIn("provisioning/catalog/playbooks", (name) => join(name, "playbook.ncl")),
  "ontology.ncl": filesIn("provisioning/.ontology", (name) => name),
  "adr.ncl": filesIn("provisioning/adrs", (name) => name),
};

const STRAY: readonly NickelValue[] = [
  ...[null, true, false, 0, -1, 1.5, 3, 1e12, "", "x", "A B", "a/b", "-", "日本", "x".repeat(40), "2026-11-23", "a.b"],
  ...[new EnumTag("Zzz"), new EnumTag("Stop"), new EnumTag("String"), [], {}, ["x"], [null], { x: 1 }],
];

/** A value with one to three places of it changed: a field gone, one too many, another value, a tag for a string, items repeated. */
export function mutationOf(value: NickelValue): fc.Arbitrary<NickelValue> {
  const change = fc.record({ place: fc.nat(), how: fc.nat(9), stray: fc.constantFrom(...STRAY), times: fc.integer({ min: 2, max: 40 }) });
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) =>
    changes.reduce<NickelValue>((current, { place, how, stray, times }) => {
      const paths = pathsOf(current);
      return changeAt(current, paths[place % paths.length] ?? [], (old) => mutate(old, how, stray, times));
    }, value),
  );
}

function mutate(old: NickelValue, how: number, stray: NickelValue, times: number): NickelValue | undefined {
  if (how === 0) return undefined;
  if (how === 1 && old instanceof EnumTag) return old.tag;
  if (how === 1 && typeof old === "string") return new EnumTag(old);
  if (how === 2 && Array.isArray(old) && old.length > 0)
    return Array.from({ length: times }, (_, index) => old[index % old.length] as NickelValue);
  if (how === 3 && isRecord(old)) return { ...old, zzz: stray };
  if (how === 4 && typeof old === "number") return old + 1;
  if (how === 5 && typeof old === "string") return `${old}${old}`;
  return stray;
}

function isRecord(value: NickelValue): value is { readonly [name: string]: NickelValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof EnumTag);
}

function pathsOf(value: NickelValue, path: ValuePath = []): readonly ValuePath[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item: NickelValue, index) => pathsOf(item, [...path, index]))];
  if (isRecord(value)) return [path, ...Object.entries(value).flatMap(([name, member]) => pathsOf(member, [...path, name]))];
  return [path];
}

function changeAt(value: NickelValue, [step, ...rest]: ValuePath, change: (old: NickelValue) => NickelValue | undefined): NickelValue {
  if (step === undefined) return change(value) ?? {};
  const inner = (old: NickelValue) => (rest.length > 0 ? changeAt(old, rest, change) : change(old));
  if (Array.isArray(value))
    return value.flatMap((item: NickelValue, index) => (index === step ? [inner(item)].filter((kept) => kept !== undefined) : [item]));
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([name, member]) => [name, name === step ? inner(member) : member] as const);
  return Object.fromEntries(entries.filter((entry): entry is readonly [string, NickelValue] => entry[1] !== undefined));
}
