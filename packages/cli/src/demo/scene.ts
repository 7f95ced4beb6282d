// A scene of the demo: a story with claims, each of which has to be observed.
import { toTriplaneError } from "@triplane/contract";
import type { Place, Timeline } from "./timeline.ts";
import type { World } from "./world.ts";

/** How a scene tells its story. */
export interface Teller {
  say(place: Place, text: string): void;
  /** `claim` is one of the scene's. */
  observe(place: Place, claim: string, held: boolean, evidence: string): void;
}

/** `W`: the world that it plays in. */
export interface Scene<W = World> {
  readonly id: string;
  readonly title: string;
  /** Claim to its meaning. The scene has to observe each of them. */
  readonly claims: Readonly<Record<string, string>>;
  play(world: W, tell: Teller): Promise<void>;
}

export interface SceneResult {
  readonly scene: string;
  readonly observed: readonly string[];
  /** Claims that did not hold, or that were not reached. */
  readonly missing: readonly string[];
  readonly failure?: { readonly code: string; readonly message: string };
}

/** Plays a scene; a thrown failure ends the scene, and every claim not observed by then is missing. */
export async function playScene<W>(scene: Scene<W>, world: W, timeline: Timeline): Promise<SceneResult> {
  timeline.title(scene.title);
  const held = new Set<string>();
  const broken = new Set<string>();
  const tell: Teller = {
    say: timeline.say,
    observe: (place, claim, holds, evidence) => {
      (holds ? held : broken).add(claim);
      timeline.observe(place, { scene: scene.id, claim, held: holds, evidence });
    },
  };
  let failure: { code: string; message: string } | undefined;
  try {
    await scene.play(world, tell);
  } catch (thrown) {
    const { code, message } = toTriplaneError(thrown);
    failure = { code, message };
    timeline.say("clean-up", `the scene ended early: ${message} (${code})`);
  }
  const missing = Object.keys(scene.claims).filter((claim) => broken.has(claim) || !held.has(claim));
  return {
    scene: scene.id,
    observed: [...held].filter((claim) => !broken.has(claim)),
    missing,
    ...(failure === undefined ? {} : { failure }),
  };
}
