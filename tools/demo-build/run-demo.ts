// Plays the scenes of `npm run demo:build` on a build plane of its own.
import { openTimeline, playScene, type Scene, type SceneResult, type Timeline } from "@triplane/cli";
import { type Clock, type Random, toTriplaneError } from "@triplane/contract";
import { BuildPlane, type PlaneProvider } from "../../test/build/plane/build-plane.ts";
import { cachedScene } from "./scenes/cached.ts";
import { emptyScene } from "./scenes/empty.ts";
import { firstScene } from "./scenes/first.ts";
import { neverScene } from "./scenes/never.ts";
import { retryScene } from "./scenes/retry.ts";
import { FAULTS, weatherScene } from "./scenes/weather.ts";
import { BuildWorld } from "./world.ts";

/** In playing order: `cached` builds again what `first` built, `empty` counts the machines of all of them. */
const SCENES: Readonly<Record<PlaneProvider, readonly Scene<BuildWorld>[]>> = {
  local: [firstScene, cachedScene, retryScene, neverScene, emptyScene],
  hcloud: [firstScene, cachedScene, retryScene, neverScene, weatherScene, emptyScene],
};

export interface DemoContext {
  readonly provider: PlaneProvider;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  emit(event: object, text: string): void;
}

export interface DemoResult {
  readonly ok: boolean;
  readonly seconds: number;
  readonly scenes: readonly SceneResult[];
  readonly claims: { readonly observed: number; readonly of: number };
}

/** Throws `tool_missing` naming all that this machine lacks, `start_failed` where the plane does not come up. */
export async function runDemo(context: DemoContext): Promise<DemoResult> {
  const timeline = openTimeline(context, context.clock.nowMs());
  timeline.title("A build plane of its own");
  const scenes: SceneResult[] = [];
  const plane = await BuildPlane.start({
    ...{ random: context.random, signal: context.signal, provider: context.provider },
    progress: (part) => timeline.say("set-up", part),
  });
  const toPlay = SCENES[context.provider];
  let isClean = false;
  try {
    if (plane.registry.backend.name !== "zot")
      timeline.say("registry", "ZOT IS MISSING HERE: distribution, a registry by other people, stands in for it behind the gateway");
    if (plane.cloud !== undefined) {
      await plane.cloud.fault(...FAULTS);
      timeline.say("pool", `the cloud is told to fail: ${FAULTS.map(({ id }) => id).join(", ")}`);
    }
    const world = new BuildWorld(plane, context.signal);
    for (const scene of toPlay) if (!context.signal.aborted) scenes.push(await playScene(scene, world, timeline));
  } finally {
    timeline.title("Clean-up");
    isClean = await cleanUp(plane, timeline);
  }
  const of = toPlay.reduce((count, scene) => count + Object.keys(scene.claims).length, 0);
  const observed = scenes.reduce((count, scene) => count + scene.observed.length, 0);
  const ok = isClean && observed === of && scenes.every((scene) => scene.missing.length === 0 && scene.failure === undefined);
  return { ok, seconds: Math.round(timeline.elapsedS() * 10) / 10, scenes, claims: { observed, of } };
}

async function cleanUp(plane: BuildPlane, timeline: Timeline): Promise<boolean> {
  try {
    await plane[Symbol.asyncDispose]();
    timeline.say("clean-up", "every process has ended, the address and the folder are gone");
    return true;
  } catch (thrown) {
    timeline.say("clean-up", `not everything could be cleaned up: ${toTriplaneError(thrown).message}; look at ${plane.folder}`);
    return false;
  }
}
