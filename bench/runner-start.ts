// Measures how long a runner of this machine takes until its sshd and its buildkitd listen, against the same root started by `runc run` alone, in turns.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type DaemonsReady, daemonsReady, plainContainer, testRunners } from "@triplane/provider-local/testing";
import { median } from "./harness/statistics.ts";

export interface RunnerStart {
  readonly rounds: number;
  readonly ours: DaemonsReady;
  readonly plain: DaemonsReady;
  /** From the call to its end, with nothing left on the machine. */
  readonly destroyMs: number;
}

export async function measureRunnerStart(rounds: number, signal: AbortSignal): Promise<RunnerStart> {
  await using runners = await testRunners([{ type: "small", cpus: 2, memoryMib: 1024 }]);
  const [ours, plain, destroys]: [DaemonsReady[], DaemonsReady[], number[]] = [[], [], []];
  // The first of each brings the root into the page cache.
  for (let round = -1; round < rounds && !signal.aborted; round += 1) {
    const spec = await runners.spec(1000 + round);
    const before = performance.now();
    const server = await runners.provider.create(spec, signal);
    const ready = await daemonsReady(join(runners.settings.runnersFolder, spec.name, "log"), before);
    const ending = performance.now();
    await runners.provider.destroy(server.id, signal);
    const destroyMs = performance.now() - ending;

    const folder = join(runners.folder, `plain-${round}`);
    await mkdir(folder);
    const beforePlain = performance.now();
    await using container = await plainContainer(runners.settings, spec, folder);
    const readyPlain = await daemonsReady(container.log, beforePlain);
    if (round < 0) continue;
    ours.push(ready);
    plain.push(readyPlain);
    destroys.push(destroyMs);
  }
  return { rounds, ours: middle(ours), plain: middle(plain), destroyMs: median(destroys) };
}

function middle(values: readonly DaemonsReady[]): DaemonsReady {
  return { sshMs: median(values.map(({ sshMs }) => sshMs)), buildkitMs: median(values.map(({ buildkitMs }) => buildkitMs)) };
}
