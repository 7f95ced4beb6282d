// Plays the demo from an empty folder to an empty folder.
import { toTriplaneError } from "@triplane/contract";
import type { CommandContext } from "../framework/command.ts";
import { PLANE_TITLES, PLANES } from "../planes/process-spec.ts";
import { playScene, type Scene, type SceneResult } from "./scene.ts";
import { agentScene } from "./scenes/agent.ts";
import { autonomyScene } from "./scenes/autonomy.ts";
import { byHandScene } from "./scenes/by-hand.ts";
import { crashScene } from "./scenes/crash.ts";
import { deployScene } from "./scenes/deploy.ts";
import { forgeryScene } from "./scenes/forgery.ts";
import { ledgerScene } from "./scenes/ledger.ts";
import { removalScene } from "./scenes/removal.ts";
import { twiceScene } from "./scenes/twice.ts";
import { openTimeline, type Timeline } from "./timeline.ts";
import { World } from "./world.ts";

/** In playing order: the signing plane is down after `autonomy`, which `by-hand` needs, and back in `crash`. */
export const SCENES: readonly Scene[] = [
  deployScene,
  agentScene,
  twiceScene,
  removalScene,
  forgeryScene,
  autonomyScene,
  byHandScene,
  crashScene,
  ledgerScene,
];

export interface DemoResult {
  readonly ok: boolean;
  readonly seconds: number;
  readonly scenes: readonly SceneResult[];
  /** Whether every process and folder of the demo is gone. */
  readonly cleanedUp: boolean;
  readonly claims: { readonly observed: number; readonly of: number };
}

export async function runDemo(context: CommandContext): Promise<DemoResult> {
  const timeline = openTimeline(context, context.clock.nowMs());
  timeline.title("A workspace of its own, and its three planes");
  const world = await World.create(context, (line) => timeline.say("set-up", line));
  const scenes: SceneResult[] = [];
  let started = false;
  let cleanedUp = false;
  try {
    await startPlanes(world, timeline);
    started = true;
    for (const scene of SCENES) {
      if (context.signal.aborted) break;
      scenes.push(await playScene(scene, world, timeline));
    }
  } catch (thrown) {
    const { code, message } = toTriplaneError(thrown);
    timeline.say("clean-up", `the planes did not come up: ${message} (${code})`);
  } finally {
    timeline.title("Clean-up");
    cleanedUp = await cleanUp(world, timeline);
  }
  const of = SCENES.reduce((count, scene) => count + Object.keys(scene.claims).length, 0);
  const observed = scenes.reduce((count, scene) => count + scene.observed.length, 0);
  const ok = started && cleanedUp && observed === of && scenes.every((scene) => scene.missing.length === 0 && scene.failure === undefined);
  return { ok, seconds: Math.round(timeline.elapsedS() * 10) / 10, scenes, cleanedUp, claims: { observed, of } };
}

async function startPlanes(world: World, timeline: Timeline): Promise<void> {
  for (const plane of PLANES) {
    const processes = await world.bringUp(plane);
    const names = processes.map((record) => `${record.name} (${record.process.pid})`);
    timeline.say(plane === "ci" ? "CI" : plane, `up: ${PLANE_TITLES[plane]}\n${names.join(", ")}`);
  }
  await world.eventually("CI to apply the desired state", async () => (await world.target("kv")).health === "healthy");
  timeline.say("CI", "desired-sync signed desired.apply for the state that ana and ben approved: kv and relay run");
}

async function cleanUp(world: World, timeline: Timeline): Promise<boolean> {
  try {
    const left = await world.destroy();
    timeline.say(
      "clean-up",
      left.length === 0 ? "every process has ended, every port is free, the folder is removed" : `left behind: ${left.join("; ")}`,
    );
    return left.length === 0;
  } catch (thrown) {
    timeline.say("clean-up", `not everything could be cleaned up: ${toTriplaneError(thrown).message}; look at ${world.folder}`);
    return false;
  }
}
