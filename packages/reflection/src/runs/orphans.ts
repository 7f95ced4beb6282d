// Commands of a run whose engine died: they know the run's id from their environment, so they can be found and ended before a step is run
// again. Where there is no /proc, none is found.
import { readdir, readFile } from "node:fs/promises";
import { sleep } from "@triplane/kit";

const PATIENCE_MS = 2000;
const POLL_MS = 20;

/** Ends every process that has ONTOREF_RUN=`run` in its environment and returns their ids when they are gone. */
export async function endOrphans(run: string): Promise<readonly number[]> {
  const found = await processesOf(run);
  for (const pid of found) signal(pid, "SIGTERM");
  for (let waitedMs = 0; waitedMs < PATIENCE_MS && (await processesOf(run)).length > 0; waitedMs += POLL_MS) await sleep(POLL_MS);
  for (const pid of await processesOf(run)) signal(pid, "SIGKILL");
  return found;
}

async function processesOf(run: string): Promise<readonly number[]> {
  const mark = Buffer.from(`ONTOREF_RUN=${run}\0`);
  const names = await readdir("/proc").catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      if (pid === process.pid) return [];
      const environment = await readFile(`/proc/${pid}/environ`).catch(() => undefined);
      const at = environment?.indexOf(mark) ?? -1;
      return at === 0 || (at > 0 && environment?.[at - 1] === 0) ? [pid] : [];
    }),
  );
  return found.flat();
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}
