import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { cp } from "node:fs/promises";
import { describe, it } from "node:test";
import { leftovers, World } from "@triplane/cli";
import { systemClock, systemRandom } from "@triplane/kit";
import { approvedHead, repositoryDir } from "@triplane/ledger";
import { eventually, seededRandom } from "@triplane/testkit";
import { installation } from "./installation.ts";
import { drawKills, killInTurn } from "./killing.ts";
import { lanes, REFUSED } from "./lanes.ts";
import { run } from "./program.ts";
import { playLane, type Submitted } from "./submitting.ts";
import { differences, outcomesOf, withoutOutcome } from "./survived.ts";

// SURVIVAL_SEED draws a campaign again; SURVIVAL_KEEP is a folder to which the workspace of a failed one is copied.
const SEED = process.env["SURVIVAL_SEED"] ?? String(randomInt(1_000_000));
const KEEP = process.env["SURVIVAL_KEEP"];
// About as long as the ops take.
const KILLS = 15;

type Tell = (line: string) => void;

/** Returns what was submitted, when everybody is done and nothing is killed any more. */
async function workWhileKilled(world: World, tell: Tell): Promise<readonly Submitted[]> {
  const pin = world.workspace.pins.desired;
  const { commit } = await approvedHead(repositoryDir(world.layout.storage, pin.rid), pin, { branch: "main", minThreshold: 2 });
  const startedMs = performance.now();
  const work = async (): Promise<readonly Submitted[]> => {
    const played = await Promise.all(lanes(commit).map((lane) => playLane(world, lane)));
    tell(`${played.flat().length} ops in ${Math.round((performance.now() - startedMs) / 1000)} s`);
    return played.flat();
  };
  const [killed, submitted] = await Promise.all([killInTurn(world, drawKills(seededRandom(SEED), KILLS)), work()]);
  tell(`killed: ${killed.join(", ")}`);
  return submitted;
}

async function check(world: World, submitted: readonly Submitted[], tell: Tell): Promise<void> {
  await noneLeft("ops without an outcome", 90_000, () => withoutOutcome(world, submitted));
  const outcomes = await outcomesOf(world, submitted);
  tell(`outcomes: ${[...outcomes].map(([name, count]) => `${count} ${name}`).join(", ")}`);
  for (const { source, code, message } of await world.alarms()) tell(`alarm: ${source} ${code}: ${message}`);
  await noneLeft("differences", 30_000, () => differences(world, submitted));
  // Two who change one target at the same time are the only conflicts; a refused number or a failed effect is none of them.
  const allowed = ["applied", "conflict version_conflict", "conflict plan_changed", "refused scope_exceeded"];
  assert.deepEqual(new Set([...outcomes.keys()].filter((name) => !allowed.includes(name))), new Set());
  assert.equal(outcomes.get("refused scope_exceeded"), REFUSED);
}

/** Polls a list until it is empty; fails with what it still holds. */
async function noneLeft(what: string, timeoutMs: number, list: () => Promise<readonly string[]>): Promise<void> {
  let left: readonly string[] = [];
  const none = async (): Promise<boolean> => {
    left = await list();
    return left.length === 0;
  };
  const empty = eventually(none, { timeoutMs, intervalMs: 500, what: `the end of ${what}` });
  await empty.catch((error: unknown) => {
    if (left.length === 0) throw error;
  });
  assert.deepEqual(left, [], what);
}

describe("a workspace whose processes are killed at random", () => {
  it("applies every op once and records it once (`every-command-lands`, `applied-once`)", { timeout: 300_000 }, async (test) => {
    test.diagnostic(`SURVIVAL_SEED=${SEED}`);
    const told: string[] = [];
    await using installed = await installation("survival");
    const world = await World.create({ clock: systemClock, random: systemRandom, signal: test.signal }, () => undefined);
    const triplane = (...args: readonly string[]) =>
      run(installed.program("triplane"), [...args, "--home", world.layout.root], { cwd: installed.folder, env: installed.env });
    let survived = false;
    try {
      for (const plane of ["workload", "signing", "ci"] as const) await world.bringUp(plane);
      const tell: Tell = (line) => void told.push(line);
      const submitted = await workWhileKilled(world, tell);
      await check(world, submitted, tell);
      const verified = await triplane("ledger", "verify", "--full", "--json");
      assert.equal(verified.code, 0, verified.out + verified.err);
      const { decisionsRunAgain, missing } = JSON.parse(verified.out) as { decisionsRunAgain: boolean; missing: readonly unknown[] };
      assert.equal(decisionsRunAgain, true);
      assert.deepEqual(missing, [], "no number of a key is missing");
      const down = await triplane("down");
      assert.equal(down.code, 0, down.err);
      assert.deepEqual(await leftovers(world.folder, world.workspace.ports), []);
      survived = true;
    } catch (error) {
      throw new Error(`not survived with SURVIVAL_SEED=${SEED}; ${told.join("; ")}`, { cause: error });
    } finally {
      for (const line of told) test.diagnostic(line);
      if (!survived && KEEP !== undefined) await cp(world.folder, KEEP, { recursive: true });
      await world.destroy();
    }
  });
});
