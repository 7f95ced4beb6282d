// Looks for what the demo may have left behind: listeners on its ports, and processes that name its folder.
import { readdir, readFile } from "node:fs/promises";
import { isFree, type Ports } from "../home/ports.ts";

/** One line for each thing found. */
export async function leftovers(folder: string, ports: Ports): Promise<readonly string[]> {
  const { componentsFrom, componentsTo, ...services } = ports;
  const all = [
    ...Object.values(services).filter((port) => port !== undefined),
    ...Array.from({ length: componentsTo - componentsFrom + 1 }, (_, offset) => componentsFrom + offset),
  ];
  const busy = await Promise.all(all.map(async (port) => ((await isFree(port)) ? [] : [`port ${port} is still taken`])));
  return [...busy.flat(), ...(await processesNaming(folder))];
}

// proc(5); where there is no /proc the ports have to do.
async function processesNaming(folder: string): Promise<readonly string[]> {
  if (process.platform !== "linux") return [];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return commandLine.includes(folder) ? [`process ${pid}: ${commandLine.replaceAll("\0", " ").slice(0, 120)}`] : [];
    }),
  );
  return found.flat();
}
