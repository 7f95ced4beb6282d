// How large a machine a build needs, from what its past runs needed. Pure: samples in, a tier and its reason out.
//
// 1. A run that ran out of memory says "more than that machine had": a lower bound, never a sample.
// 2. Growing needs one reason, shrinking needs enough samples and room to spare.
import { type BuildKey, type Language, type Sizing, TIER_SIZES, TIERS, type Tier } from "@triplane/contract";

export interface SizeSample {
  readonly finishedAtS: number;
  /** What the run had. */
  readonly tier: Tier;
  /** anon + shmem + kernel, MiB. Of a run out of memory: at least this. */
  readonly peakMib: number;
  readonly isLowerBound: boolean;
}

/** Below so many samples history only raises what the language says. */
export const MIN_SAMPLES = 5;
/** Older runs are forgotten. */
export const MAX_SAMPLES = 50;
/** What is added to the 95th percentile. */
export const HEADROOM = 1.2;
/** A smaller tier is taken only if this part of its memory would do. */
export const SHRINK_ROOM = 0.85;

/** What builds of a language begin with. */
export const LANGUAGE_TIERS: Readonly<Record<Language, Tier>> = {
  rust: "cx42",
  cpp: "cx42",
  java: "cx32",
  go: "cx32",
  node: "cx22",
  python: "cx22",
  other: "cx22",
};

export interface SizeDecision {
  readonly tier: Tier;
  readonly source: Sizing["source"];
  readonly reason: string;
  /** Absent below MIN_SAMPLES. */
  readonly p95Mib: number | undefined;
}

/** `samples` newest first. */
export function decideSize(samples: readonly SizeSample[], language: Language): SizeDecision {
  const kept = samples.slice(0, MAX_SAMPLES);
  const measured = kept.filter(({ isLowerBound }) => !isLowerBound);
  const bounds = kept.filter(({ isLowerBound }) => isLowerBound);
  if (measured.length < MIN_SAMPLES) return fromLanguage(measured, bounds, language);
  const p95 = p95Of(kept);
  const needMib = p95 * HEADROOM;
  const wanted = tierFor(needMib);
  const held = kept[0]?.tier ?? wanted;
  const base = `p95 of ${counted(measured.length, "sample")} is ${gib(p95)}, × ${HEADROOM} = ${gib(needMib)}`;
  const also = bounds.length === 0 ? "" : `; ${counted(bounds.length, "run")} out of memory counted as more than their machines had`;
  // Down to the smallest tier that leaves room; one that the need all but fills would have to grow again at once.
  const roomy = tierFor(needMib / SHRINK_ROOM);
  const lower = TIERS.indexOf(roomy) < TIERS.indexOf(held) ? roomy : held;
  if (TIERS.indexOf(wanted) < TIERS.indexOf(lower))
    return decision(lower, "history", `${base}: too close to all of ${wanted} to go down to it from ${held}${also}`, p95);
  const tooLarge = needMib > TIER_SIZES[wanted].memoryMib ? `, more than the largest tier has` : "";
  return decision(wanted, "history", `${base}: ${wanted} has ${gib(TIER_SIZES[wanted].memoryMib)}${tooLarge}${also}`, p95);
}

function fromLanguage(measured: readonly SizeSample[], bounds: readonly SizeSample[], language: Language): SizeDecision {
  const usual = LANGUAGE_TIERS[language];
  const first = `${counted(measured.length, "sample")}, ${MIN_SAMPLES} are needed; builds of ${language === "other" ? "an unknown language" : language} begin with ${usual}`;
  const highest = Math.max(0, ...measured.map(({ peakMib }) => peakMib * HEADROOM), ...bounds.map(beyond));
  const needed = tierFor(highest);
  if (TIERS.indexOf(needed) <= TIERS.indexOf(usual)) return decision(usual, "language", first, undefined);
  const why = bounds.length > 0 ? "a run was out of memory" : "a run needed more";
  return decision(needed, "history", `${first}, but ${why}: at least ${gib(highest)} are wanted, ${needed} has them`, undefined);
}

/** Nearest rank; a lower bound counts as more than its machine had. */
function p95Of(samples: readonly SizeSample[]): number {
  const values = samples.map((sample) => (sample.isLowerBound ? beyond(sample) : sample.peakMib)).toSorted((a, b) => a - b);
  return values[Math.ceil(values.length * 0.95) - 1] ?? 0;
}

/** What a run out of memory wanted at least: one MiB more than its machine, or than what was measured of it. */
function beyond({ tier, peakMib }: SizeSample): number {
  return Math.max(peakMib, TIER_SIZES[tier].memoryMib) + 1;
}

/** The smallest tier with this much memory, or the largest. */
function tierFor(mib: number): Tier {
  return TIERS.find((tier) => TIER_SIZES[tier].memoryMib >= mib) ?? "cx52";
}

function decision(tier: Tier, source: Sizing["source"], reason: string, p95Mib: number | undefined): SizeDecision {
  return { tier, source, reason, p95Mib };
}

/** The answer of the API. */
export function sizingOf(key: BuildKey, samples: readonly SizeSample[], language: Language): Sizing {
  const { tier, source, reason, p95Mib } = decideSize(samples, language);
  return {
    ...key,
    ...{ tier, source, reason },
    ...(p95Mib === undefined ? {} : { p95_mib: p95Mib }),
    samples: samples.slice(0, MAX_SAMPLES).map((sample) => ({
      ...{ finished_at: sample.finishedAtS, tier: sample.tier, peak_memory_mib: sample.peakMib, lower_bound: sample.isLowerBound },
    })),
  };
}

function gib(mib: number): string {
  return `${(mib / 1024).toFixed(1)} GiB`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
