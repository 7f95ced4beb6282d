// A campaign of kill -9 against a running workspace: drawn from a seed, so that it can be run again.
import type { World } from "@triplane/cli";
import type { Random } from "@triplane/contract";
import { isErrno, sleep } from "@triplane/kit";

/** What an op passes on its way; their supervisors start them again. */
const VICTIMS = ["ops-controller", "audit-mirror", "keeper-daemon", "orchestrator", "nats-server"] as const;

export interface Kill {
  readonly victim: string;
  /** After the kill before it. */
  readonly pauseMs: number;
}

/** Every victim at least `floor(count / 5)` times, in a drawn order, at drawn pauses of 0.8 to 3.2 s. */
export function drawKills(random: Random, count: number): readonly Kill[] {
  const drawn = Array.from({ length: count }, (_, index) => ({
    victim: VICTIMS[index < count - (count % VICTIMS.length) ? index % VICTIMS.length : below(random, VICTIMS.length)] ?? VICTIMS[0],
    place: below(random, 65_536),
    pauseMs: 800 + below(random, 2400),
  }));
  return drawn.toSorted((a, b) => a.place - b.place).map(({ victim, pauseMs }) => ({ victim, pauseMs }));
}

/** Kills in turn. A victim that is just being started again is left alone that time. Returns what was killed, and when. */
export async function killInTurn(world: World, kills: readonly Kill[]): Promise<readonly string[]> {
  const startedMs = performance.now();
  const killed: string[] = [];
  for (const { victim, pauseMs } of kills) {
    await sleep(pauseMs);
    const records = [...(await world.processes("workload")), ...(await world.processes("signing"))];
    const record = records.find(({ name }) => name === victim);
    if (record === undefined || !kill(record.process.pid)) continue;
    killed.push(`${((performance.now() - startedMs) / 1000).toFixed(1)} s ${victim}`);
  }
  return killed;
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch (error) {
    if (isErrno(error, "ESRCH")) return false;
    throw error;
  }
}

function below(random: Random, limit: number): number {
  const [high = 0, low = 0] = random.bytes(2);
  return (high * 256 + low) % limit;
}
