// Replicas of instances that the state has and the records do not: so it is after the database was rebuilt from the ledger.
//
// 1. At most one process of a replica runs: what still runs is taken over if it was started as the state says, and ended if not,
//    before a record says that the replica shall run.
// 2. A replica gets the port that the state names; others may have been given away.
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import type { Releases } from "../../catalog/catalog.ts";
import type { ProcessDefinition } from "../../catalog/definition.ts";
import { type InstanceState, instanceOf, type TargetRecord } from "../../model.ts";
import { argvOf, type LaunchHost } from "./launch.ts";
import { findOrphans, type Orphan } from "./orphans.ts";
import type { PortAllocator } from "./ports.ts";
import { terminate } from "./process-table.ts";
import { type ReplicaRecord, replicaId } from "./replica-record.ts";

export interface RestoreParts {
  readonly dataDir: string;
  readonly targets: readonly TargetRecord[];
  /** Targets that an unfinished op works on. */
  readonly isBusy: (target: string) => boolean;
  readonly found: readonly ReplicaRecord[];
  readonly ports: PortAllocator;
  readonly release: Releases;
  readonly host: LaunchHost;
}

export interface Restored {
  readonly replicas: readonly ReplicaRecord[];
  /** Processes that go on as they are. */
  readonly adopted: number;
  /** Processes that nothing wanted any more. */
  readonly ended: number;
  /** Targets whose program is not there. */
  readonly missing: readonly string[];
}

const STOP = { signal: "SIGTERM", graceMs: 5_000 } as const;

export async function restoreReplicas(parts: RestoreParts): Promise<Restored> {
  const { dataDir, targets, isBusy, found, ports, release, host } = parts;
  const orphans = new Map<string, Orphan[]>();
  for (const orphan of await findOrphans(dataDir, new Set(found.map(({ marker }) => marker)))) {
    const id = replicaId(orphan.target, orphan.replica);
    orphans.set(id, [...(orphans.get(id) ?? []), orphan]);
  }
  for (const { ports: taken } of found) ports.reserve(Object.values(taken));
  // All that are named, before any is given away.
  for (const record of targets) ports.reserve(portsIn(record).filter((port) => port !== undefined));
  const recorded = new Set(found.map(({ target }) => target));
  const replicas: ReplicaRecord[] = [];
  const missing: string[] = [];
  let adopted = 0;
  for (const record of targets) {
    const state = instanceOf(record);
    if (state === undefined || recorded.has(record.target) || isBusy(record.target)) continue;
    const program = await release(state.component, state.definition).catch((error: unknown) => noRelease(error));
    if (program === undefined) missing.push(record.target);
    if (program === undefined || program.definition.driver !== "Process") continue;
    const { definition, directory } = program;
    const endpoints = portsIn(record);
    for (let number = 0; number < state.replicas; number += 1) {
      const replica = recordOf(record.target, number, state, await portsFor(definition, endpoints[number], ports));
      const place = { target: record.target, replica: number, marker: "", settings: state.settings, componentDir: directory };
      const dir = join(dataDir, "instances", record.target, String(number));
      const argv = await argvOf({ ...place, definition, ports: replica.ports, dataDir: dir }, host).catch(() => []);
      const running = takeOut(orphans, replicaId(record.target, number), argv);
      if (running === undefined) replicas.push(replica);
      else {
        adopted += 1;
        replicas.push({ ...replica, marker: running.marker, process: running.identity });
      }
    }
  }
  const unwanted = [...orphans.values()].flat();
  for (const { identity, marker } of unwanted) await terminate(identity, marker, STOP);
  return { replicas, adopted, ended: unwanted.length, missing };
}

function recordOf(target: string, replica: number, state: InstanceState, ports: Readonly<Record<string, number>>): ReplicaRecord {
  const { component, definition, settings, generation } = state;
  return { target, replica, component, definition, settings, generation, ports: { ...ports }, marker: "", process: null, restarts: [] };
}

async function portsFor(definition: ProcessDefinition, known: number | undefined, ports: PortAllocator): Promise<Record<string, number>> {
  const [first, ...others] = definition.ports;
  if (first === undefined) return {};
  if (known === undefined) return { ...(await ports.allocate(definition.ports)) };
  return { [first]: known, ...(await ports.allocate(others)) };
}

/** Ports of the endpoints, by replica. */
function portsIn({ state }: TargetRecord): readonly (number | undefined)[] {
  const endpoints = state?.["endpoints"];
  if (!Array.isArray(endpoints)) return [];
  return endpoints.map((endpoint) => {
    const [, port] = typeof endpoint === "string" ? (/:(\d{1,5})$/.exec(endpoint) ?? []) : [];
    return port === undefined ? undefined : Number(port);
  });
}

/** The process that was started just like this, which leaves the orphans. */
function takeOut(orphans: Map<string, Orphan[]>, id: string, argv: readonly string[]): Orphan | undefined {
  const candidates = orphans.get(id) ?? [];
  const same = candidates.find((orphan) => !orphan.homeless && sameArgv(orphan.argv, argv));
  if (same === undefined) return undefined;
  orphans.set(
    id,
    candidates.filter((orphan) => orphan !== same),
  );
  return same;
}

function sameArgv(a: readonly string[], b: readonly string[]): boolean {
  return b.length > 0 && a.length === b.length && a.every((element, index) => element === b[index]);
}

function noRelease(error: unknown): undefined {
  if (error instanceof TriplaneError && error.code === "apply_failed") return undefined;
  throw error;
}
