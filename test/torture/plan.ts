// From one seed the whole plan: who submits what and when, which fault comes when, for how long, and what it draws.
//
// 1. The plan is a function of seed, length, rate and the chosen faults, and of nothing else: not of the machine, not of what happened before.
// 2. What a fault draws when it is inflicted comes from its own source, so that one that cannot be inflicted here changes no other.
import type { Random } from "@triplane/contract";
import { between, chance, sample, sourceFor } from "./draw.ts";
import { FAULTS } from "./faults/index.ts";
import { drawLoad } from "./load/draw-load.ts";
import type { LoadStep } from "./load/step.ts";

export interface PlanOptions {
  readonly seed: string;
  readonly durationMs: number;
  readonly perSecond: number;
  /** Names of faults; all of the default deck where left out. */
  readonly only?: readonly string[];
}

export interface FaultStep {
  readonly id: number;
  readonly fault: string;
  /** After the start of the campaign; later if the one before it in its lane takes longer. */
  readonly atMs: number;
  readonly holdMs: number;
  /** Seed of what the fault draws. */
  readonly seed: string;
}

export interface Plan {
  readonly options: PlanOptions;
  readonly load: readonly LoadStep[];
  /** Each lane inflicts one fault at a time; two lanes, so that faults meet each other. */
  readonly lanes: readonly (readonly FaultStep[])[];
}

const LANES = 2;
/** The workspace works undisturbed before the first fault, so that there is something to lose. */
const CALM_MS = 3_000;

/** Throws for a fault that does not exist. */
export function drawPlan(options: PlanOptions): Plan {
  const unknown = (options.only ?? []).filter((name) => !FAULTS.some((fault) => fault.name === name));
  if (unknown.length > 0)
    throw new Error(`there is no fault ${unknown.join(", ")}; there are ${FAULTS.map(({ name }) => name).join(", ")}`);
  const { seed, durationMs, perSecond } = options;
  return {
    options,
    load: drawLoad(sourceFor(seed, "load"), { durationMs, perSecond }),
    lanes: Array.from({ length: LANES }, (_, lane) => drawLane(options, lane)),
  };
}

function drawLane({ seed, durationMs, only }: PlanOptions, lane: number): readonly FaultStep[] {
  const random = sourceFor(seed, `lane ${lane}`);
  const steps: FaultStep[] = [];
  const deck: string[] = [];
  for (let atMs = CALM_MS + between(random, 0, 1_000); atMs < durationMs; ) {
    if (deck.length === 0) deck.push(...shuffled(random, only));
    const name = deck.pop() ?? "";
    const [least, most] = FAULTS.find((fault) => fault.name === name)?.holdMs ?? [0, 0];
    const holdMs = between(random, least, most);
    const id = steps.length + 1;
    steps.push({ id: lane * 10_000 + id, fault: name, atMs, holdMs, seed: `${seed}/lane ${lane}/${id}` });
    // Mostly time to recover, sometimes none.
    atMs += holdMs + (chance(random, 25) ? 0 : between(random, 500, 4_000));
  }
  return steps;
}

/** A deck is dealt to its end before it is shuffled again, so that a long campaign inflicts every fault. */
function shuffled(random: Random, only: readonly string[] | undefined): readonly string[] {
  const deck = FAULTS.flatMap((fault) => {
    const times = only === undefined ? (fault.times ?? 1) : only.includes(fault.name) ? 1 : 0;
    return Array.from({ length: times }, () => fault.name);
  });
  return sample(random, deck, deck.length);
}
