// How large the runner of a build is, in three steps: the repository's .build-spec.ncl, the history, the language. Pure.
import { type Language, type Sizing, TIER_SIZES, TIERS, type Tier, TriplaneError, tierSchema } from "@triplane/contract";
import { conform, readNickel, type ValueProblem } from "@triplane/nickel";
import { z } from "zod";

export interface BuildSpec {
  readonly tier: Tier | undefined;
  /** What is in the file and means nothing here: told, not refused. */
  readonly unknown: readonly string[];
}

export interface Size {
  readonly tier: Tier;
  readonly source: "spec" | "history" | "language";
  /** One line for people. */
  readonly reason: string;
}

/** What `.build-spec.ncl` may say. The Nickel contract in provisioning/schemas/lib/build_spec.ncl is generated from it. */
export const buildSpecSchema = z.looseObject({
  /** A tag or a string. */
  tier: tierSchema.meta({ nickel: "either" }).describe("The size of the runner, whatever the history says.").optional(),
  memory_gib: z.number().positive().describe("The smallest tier with so much memory is taken; GiB.").optional(),
});

/** Reads `.build-spec.ncl`: data, nothing is evaluated. Throws as `readNickel`, or `build_spec_invalid`. */
export function readBuildSpec(text: string, file = ".build-spec.ncl"): BuildSpec {
  const { tier, memory_gib, ...rest } = conform(readNickel(text, { file }), {
    schema: buildSpecSchema,
    code: "build_spec_invalid",
    whole: "the build spec",
    words: "either",
    further: memoryProblems,
  });
  return { tier: tier ?? tierWith(memory_gib), unknown: Object.keys(rest) };
}

function memoryProblems({ tier, memory_gib }: z.output<typeof buildSpecSchema>): readonly ValueProblem[] {
  const wanted = tierWith(memory_gib);
  if (memory_gib !== undefined && wanted === undefined) return [{ path: ["memory_gib"], message: `no tier has ${memory_gib} GiB` }];
  if (tier === undefined || wanted === undefined || TIERS.indexOf(tier) >= TIERS.indexOf(wanted)) return [];
  return [{ path: ["tier"], message: `${tier} has less than memory_gib says` }];
}

/** The smallest one with so much memory. */
function tierWith(memoryGib: number | undefined): Tier | undefined {
  return memoryGib === undefined ? undefined : TIERS.find((tier) => TIER_SIZES[tier].memoryMib >= memoryGib * 1024);
}

/** `sizing`: the pool's answer, which already is history before language; it is asked only where the file says nothing. */
export function sizeOf(spec: BuildSpec | undefined, sizing: Sizing | undefined): Size {
  if (spec?.tier !== undefined) return { tier: spec.tier, source: "spec", reason: `${spec.tier}: .build-spec.ncl says so` };
  if (sizing === undefined) throw new TriplaneError("internal", "a size was wanted without the pool's answer");
  return { tier: sizing.tier, source: sizing.source, reason: sizing.reason };
}

/** In order: the first file that is there decides. */
const MARKS: readonly (readonly [string, Language])[] = [
  ["Cargo.toml", "rust"],
  ["CMakeLists.txt", "cpp"],
  ["meson.build", "cpp"],
  ["pom.xml", "java"],
  ["build.gradle", "java"],
  ["build.gradle.kts", "java"],
  ["go.mod", "go"],
  ["package.json", "node"],
  ["pyproject.toml", "python"],
  ["requirements.txt", "python"],
];

/** `names`: of the files at the root of the context. */
export function languageOf(names: ReadonlySet<string>): Language {
  return MARKS.find(([name]) => names.has(name))?.[1] ?? "other";
}
