// Proves, on the very processes that are measured, that what they confirm is on disk. A row that measures calls this first.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Workspace } from "./workspace.ts";

export interface Durability {
  /** nats-server's own word on JetStream, from /varz. */
  readonly natsSyncAlways: boolean;
  /** The stores' engine, from the daemons' configuration; the daemons prove at start that it syncs every commit (`store_not_durable`). */
  readonly stores: readonly string[];
  /** That every git process of the mirror runs with `core.fsync=all`, from the kernel's list of processes. */
  readonly gitSyncsAll: boolean;
}

/** Throws where anything that is measured would confirm before it is on disk. */
export async function proveDurable(workspace: Workspace): Promise<Durability> {
  const varz: unknown = await (await fetch(`${workspace.natsMonitor}/varz`)).json();
  const natsSyncAlways = at(varz, "jetstream", "config", "sync_always") === true;
  const { controller, orchestrator } = workspace.world.layout;
  const controllerStore = String(at(JSON.parse(readFileSync(join(controller, "config.json"), "utf8")), "storeUrl"));
  // The orchestrator makes its own address from its folder; that RocksDB lies there is what can be seen from outside.
  const orchestratorStore = findRocks(join(orchestrator, "data"));
  const stores = [controllerStore, orchestratorStore ?? "none"];
  const mirror = workspace.processes.get("audit-mirror") ?? 0;
  const commands = childrenOf(mirror).filter((command) => command.includes("git"));
  const gitSyncsAll = commands.length > 0 && commands.every((command) => command.includes("core.fsync=all"));
  const found: Durability = { natsSyncAlways, stores, gitSyncsAll };
  if (!natsSyncAlways || !gitSyncsAll || !stores.every((store) => store.startsWith("rocksdb://")))
    throw new Error(`what is measured is not durable: ${JSON.stringify(found)}`);
  return found;
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inside, name) => (typeof inside === "object" && inside !== null ? (inside as Record<string, unknown>)[name] : undefined),
    value,
  );
}

function findRocks(folder: string): string | undefined {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile() && entry.name.startsWith("MANIFEST-")) return `rocksdb://${entry.parentPath}`;
  return undefined;
}

/** Command lines of a process's children. */
function childrenOf(pid: number): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
        return parent === pid ? [readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ")] : [];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
}
