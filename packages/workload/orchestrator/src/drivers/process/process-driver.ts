// Runs components as supervised processes of this machine.
//
// 1. Replicas of an instance are replaced one after the other; the next one only when the one before is healthy.
// 2. Where a replica does not become healthy, everything that was touched goes back to the previous state.
// 3. Processes go on when the orchestrator stops, and are found again by record when it starts.
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { isErrno } from "@triplane/kit";
import type { Release, Releases } from "../../catalog/catalog.ts";
import type { ProcessDefinition } from "../../catalog/definition.ts";
import type { InstanceState, JsonRecord } from "../../model.ts";
import type { ConvergeRequest, ConvergeResult, Driver, InstanceHealth } from "../driver.ts";
import type { LifeEnd } from "./life.ts";
import { tailOf } from "./log-file.ts";
import type { PortAllocator } from "./ports.ts";
import { endFacts, Replica, type ReplicaHost, type ReplicaPlace } from "./replica.ts";
import { type ReplicaRecord, type ReplicaRecords, replicaId } from "./replica-record.ts";

export interface ProcessDriverParts {
  /** Holds instances/, logs/ and retired/. */
  readonly dataDir: string;
  readonly records: ReplicaRecords;
  readonly found: readonly ReplicaRecord[];
  readonly ports: PortAllocator;
  readonly release: Releases;
  readonly host: Omit<ReplicaHost, "put" | "signal">;
  readonly signal: AbortSignal;
}

export class ProcessDriver implements Driver {
  readonly #parts: ProcessDriverParts;
  readonly #host: ReplicaHost;
  readonly #replicas = new Map<string, Replica>();

  constructor(parts: ProcessDriverParts) {
    this.#parts = parts;
    this.#host = { ...parts.host, signal: parts.signal, put: (record) => parts.records.put(record) };
    for (const record of parts.found) parts.ports.reserve(Object.values(record.ports));
  }

  /** Finds recorded replicas again, or starts them. Call once, before anything else. */
  async adoptAll(): Promise<void> {
    for (const record of this.#parts.found) {
      const replica = await this.#replicaFor(record);
      this.#replicas.set(replicaId(record.target, record.replica), replica);
      await replica.adopt();
    }
  }

  async converge({ target, want, previous, jti }: ConvergeRequest): Promise<ConvergeResult> {
    if (want === undefined) return this.#remove(target, jti);
    const failure = await this.#reach(target, want);
    if (failure === undefined) return { ok: true, endpoints: this.#endpoints(target), evidence: {} };
    const rollback = await this.#goBack(target, previous);
    return { ok: false, message: failure.message, evidence: { ...failure.evidence, rollback } };
  }

  health(target: string): InstanceHealth {
    const healths = this.#of(target).map((replica) => replica.health);
    if (healths.length === 0) return "stopped";
    return (["unhealthy", "starting"] as const).find((health) => healths.includes(health)) ?? "healthy";
  }

  /** Leaves every process alone and stops looking after it. */
  async close(): Promise<void> {
    await Promise.all([...this.#replicas.values()].map((replica) => replica.close()));
  }

  /** Ends every process; the records stay, so that the next start brings them back. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#replicas.values()].map((replica) => replica.stop()));
  }

  async #reach(target: string, want: InstanceState): Promise<Failure | undefined> {
    for (let number = 0; number < want.replicas; number += 1) {
      const failure = await this.#bring(target, number, want);
      if (failure !== undefined) return failure;
    }
    for (const replica of this.#of(target)) if (replica.record.replica >= want.replicas) await this.#drop(replica);
    return undefined;
  }

  async #bring(target: string, number: number, want: InstanceState): Promise<Failure | undefined> {
    const id = replicaId(target, number);
    const present = this.#replicas.get(id);
    if (present?.supervised === true && present.record.generation === want.generation) {
      const end = await present.settled();
      this.#assertGoingOn();
      return end === undefined ? undefined : failureOf(present, end);
    }
    try {
      const replica = await this.#renew(target, number, want, present);
      this.#assertGoingOn();
      const end = await replica.start();
      this.#assertGoingOn();
      return end === undefined ? undefined : await failureOf(replica, end);
    } catch (error) {
      if (!(error instanceof TriplaneError) || (error.code !== "apply_failed" && error.code !== "tool_missing")) throw error;
      return { message: error.message, evidence: { replica: number } };
    }
  }

  /** A replica with the wanted program on the ports it had; the one before is gone. */
  async #renew(target: string, number: number, want: InstanceState, present: Replica | undefined): Promise<Replica> {
    const { definition } = await this.#release(want);
    await present?.stop();
    const record: ReplicaRecord = {
      ...{ target, replica: number, component: want.component, definition: want.definition },
      ...{ settings: want.settings, generation: want.generation, marker: "", process: null, restarts: [] },
      ports: await this.#portsFor(definition, present?.record.ports ?? {}),
    };
    const replica = await this.#replicaFor(record);
    this.#replicas.set(replicaId(target, number), replica);
    return replica;
  }

  async #portsFor(definition: ProcessDefinition, had: Readonly<Record<string, number>>): Promise<Record<string, number>> {
    const kept = Object.entries(had).filter(([name]) => definition.ports.includes(name));
    this.#parts.ports.release(Object.entries(had).flatMap(([name, port]) => (definition.ports.includes(name) ? [] : [port])));
    const missing = definition.ports.filter((name) => !Object.hasOwn(had, name));
    return { ...Object.fromEntries(kept), ...(await this.#parts.ports.allocate(missing)) };
  }

  async #goBack(target: string, previous: InstanceState | undefined): Promise<string> {
    if (previous === undefined) {
      for (const replica of this.#of(target)) await this.#drop(replica);
      return "removed";
    }
    let restored = true;
    for (let number = 0; number < previous.replicas; number += 1) {
      if ((await this.#bring(target, number, previous)) === undefined) continue;
      restored = false;
      this.#replicas.get(replicaId(target, number))?.keepTrying();
    }
    for (const replica of this.#of(target)) if (replica.record.replica >= previous.replicas) await this.#drop(replica);
    return restored ? "restored" : "trying";
  }

  async #remove(target: string, jti: string): Promise<ConvergeResult> {
    for (const replica of this.#of(target)) await this.#drop(replica);
    const retired = join("retired", target, jti);
    const moved = await this.#setAside(target, retired);
    return { ok: true, endpoints: [], evidence: moved ? { data: retired } : {} };
  }

  async #setAside(target: string, retired: string): Promise<boolean> {
    const { dataDir } = this.#parts;
    await mkdir(join(dataDir, "retired", target), { recursive: true, mode: 0o700 });
    try {
      await rename(join(dataDir, "instances", target), join(dataDir, retired));
      return true;
    } catch (error) {
      if (isErrno(error, "ENOENT")) return false;
      throw error;
    }
  }

  async #drop(replica: Replica): Promise<void> {
    const { record } = replica;
    await replica.stop();
    await this.#parts.records.delete(record);
    this.#parts.ports.release(Object.values(record.ports));
    this.#replicas.delete(replicaId(record.target, record.replica));
  }

  async #replicaFor(record: ReplicaRecord): Promise<Replica> {
    const { definition, directory } = await this.#release(record);
    const { dataDir } = this.#parts;
    const place: ReplicaPlace = {
      definition,
      componentDir: directory,
      dataDir: join(dataDir, "instances", record.target, String(record.replica)),
      logFile: join(dataDir, "logs", `${replicaId(record.target, record.replica)}.log`),
    };
    return new Replica(record, place, this.#host);
  }

  async #release(of: Pick<InstanceState, "component" | "definition">): Promise<Release<ProcessDefinition>> {
    const { definition, directory } = await this.#parts.release(of.component, of.definition);
    if (definition.driver !== "Process") throw new TriplaneError("apply_failed", `${of.component} is not a program`);
    return { definition, directory };
  }

  #of(target: string): readonly Replica[] {
    return [...this.#replicas.values()].filter((replica) => replica.record.target === target);
  }

  #endpoints(target: string): readonly string[] {
    return this.#of(target)
      .toSorted((a, b) => a.record.replica - b.record.replica)
      .flatMap(({ record, place }) => {
        const [first] = place.definition.ports;
        const port = first === undefined ? undefined : record.ports[first];
        return port === undefined ? [] : [`${first}://127.0.0.1:${port}`];
      });
  }

  // Whoever waits for a replica while we stop learns nothing about it.
  #assertGoingOn(): void {
    if (this.#parts.signal.aborted) throw new TriplaneError("unavailable", "the orchestrator is stopping");
  }
}

interface Failure {
  readonly message: string;
  readonly evidence: JsonRecord;
}

// The ledger gets the digest of the log's end, not its lines: nobody knows what a component writes there.
async function failureOf(replica: Replica, end: LifeEnd): Promise<Failure> {
  const { target, replica: number } = replica.record;
  const tail = await tailOf(replica.place.logFile, 1);
  const how = end.reason === "exit" ? "ended before it was healthy" : "did not become healthy";
  return {
    message: `replica ${number} of ${target} ${how}`,
    evidence: { replica: number, ...endFacts(end), log: `logs/${replicaId(target, number)}.log`, log_digest: tail.digest },
  };
}
