// Draws the ops of a campaign: what people, an agent and an automation do to a few targets, the forbidden and the mistaken included.
import type { Json, Random } from "@triplane/contract";
import { below, between, chance, pick, sample } from "../draw.ts";
import type { LoadStep } from "./step.ts";

const OPERATORS = ["ana", "ben", "cleo"] as const;
/** Named so that the agent may restart them. */
const FLAG_SETS = Array.from({ length: 60 }, (_, index) => `web-f${index + 1}`);
const LIFETIME_S = 7200;

type Draft = Pick<LoadStep, "issuer" | "op" | "target"> & Partial<LoadStep>;

interface Scene {
  /** Of 1000. */
  readonly weight: number;
  draw(random: Random): Draft;
}

const SCENES: readonly Scene[] = [
  { weight: 300, draw: (random) => deployFlags(random) },
  { weight: 400, draw: (random) => ({ ...deployFlags(random), planned: true }) },
  { weight: 60, draw: (random) => ({ issuer: pick(random, OPERATORS), op: "component.restart", target: pick(random, FLAG_SETS) }) },
  { weight: 25, draw: (random) => ({ issuer: "scout", op: "component.restart", target: pick(random, FLAG_SETS), scope: "web-care" }) },
  { weight: 30, draw: (random) => removal(random, "approve") },
  { weight: 20, draw: (random) => removal(random, "reject") },
  // What their grants do not allow.
  { weight: 25, draw: (random) => ({ ...deployFlags(random), issuer: "scout", scope: "web-care", changes: false }) },
  { weight: 20, draw: (random) => ({ ...deployFlags(random), issuer: "ci", scope: "desired", changes: false }) },
  { weight: 50, draw: (random) => ({ ...deployFlags(random), versionError: between(random, 1, 3), changes: false }) },
  { weight: 20, draw: (random) => ({ ...deployFlags(random), args: { component: "no-such-component" }, changes: false }) },
  { weight: 20, draw: (random) => ({ ...deployFlags(random), expiresInS: between(random, 1, 4) }) },
  { weight: 10, draw: (random) => processes(random, "web-p", "web") },
  { weight: 10, draw: (random) => processes(random, "worker-p", "worker") },
  // A commit that nobody approved: what is not there must be refused or fail, and change nothing.
  {
    weight: 10,
    draw: () => ({
      issuer: "ci",
      op: "desired.apply",
      target: "workspace",
      scope: "desired",
      changes: false,
      args: { commit: "f".repeat(40) },
    }),
  },
];

/** Open loop: steps at drawn times around `perSecond`, whatever becomes of the ones before. */
export function drawLoad(random: Random, options: { readonly durationMs: number; readonly perSecond: number }): readonly LoadStep[] {
  const steps: LoadStep[] = [];
  const meanMs = 1000 / options.perSecond;
  for (let atMs = 0, id = 1; ; id += 1) {
    atMs += Math.round(meanMs * (0.25 + below(random, 1500) / 1000));
    if (atMs >= options.durationMs) return steps;
    const draft = sceneOf(random).draw(random);
    const usual = { args: {}, scope: "platform", versionError: 0, changes: true, planned: false, expiresInS: LIFETIME_S, words: [] };
    steps.push({ ...usual, ...draft, twice: chance(random, 8), id, atMs });
  }
}

function sceneOf(random: Random): Scene {
  let place = below(
    random,
    SCENES.reduce((sum, { weight }) => sum + weight, 0),
  );
  for (const scene of SCENES) {
    if (place < scene.weight) return scene;
    place -= scene.weight;
  }
  throw new Error("a place beyond all scenes");
}

function deployFlags(random: Random): Draft {
  const settings: Record<string, Json> = { banner: `banner ${below(random, 1_000_000)}`, rollout_percent: below(random, 101) };
  return {
    issuer: pick(random, OPERATORS),
    op: "component.deploy",
    target: pick(random, FLAG_SETS),
    args: { component: "flags", settings },
  };
}

/** Two people of the platform group who are not the issuer approve it, or one of them rejects it. */
function removal(random: Random, word: "approve" | "reject"): Draft {
  const [issuer = "ana", ...others] = sample(random, OPERATORS, 3);
  const speakers = word === "approve" ? others : others.slice(0, 1);
  const words = speakers.map((principal) => ({ principal, word }));
  return { issuer, op: "component.remove", target: pick(random, FLAG_SETS), words, changes: word === "approve" };
}

function processes(random: Random, target: string, component: string): Draft {
  const issuer = pick(random, OPERATORS);
  if (chance(random, 40)) return { issuer, op: "component.restart", target };
  return { issuer, op: "component.deploy", target, args: { component, replicas: between(random, 1, 2) }, planned: chance(random, 50) };
}
