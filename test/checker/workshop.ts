// A workspace with some history whose parts can be copied and broken, one at a time.

import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { type CheckOptions, checkInvariants, type Finding, type Report, type Sources, sourcesOfHome } from "@triplane/checker";
import { World } from "@triplane/cli";
import { type AuditRecord, type InvariantId, type SigningKey, verifyAuditRecord } from "@triplane/contract";
import { findTool, readKeyFile, systemClock, systemRandom } from "@triplane/kit";
import { openLedgerWriter, readLedger } from "@triplane/ledger";
import { eventually } from "@triplane/testkit";

const ROOT = resolve(import.meta.dirname, "../..");
export const TRIPLANE: readonly [string, string] = [process.execPath, join(ROOT, "packages/cli/bin/triplane.mjs")];
const RAW_STORE = join(ROOT, "packages/checker/src/testing/raw-store.ts");
const run = promisify(execFile);
const PATIENCE_MS = 120_000;

export class Workshop implements AsyncDisposable {
  readonly world: World;
  readonly sources: Sources;
  readonly nickel: string;
  readonly #scratch: string;

  private constructor(world: World, sources: Sources, nickel: string, scratch: string) {
    this.world = world;
    this.sources = sources;
    this.nickel = nickel;
    this.#scratch = scratch;
  }

  /** Brings a workspace up and lets it do a few things, which are all in the ledger when this returns. */
  static async open(signal: AbortSignal): Promise<Workshop> {
    const world = await World.create({ clock: systemClock, random: systemRandom, signal }, () => undefined);
    try {
      for (const plane of ["workload", "signing"] as const) await world.bringUp(plane);
      const steps = [
        { op: "component.deploy", target: "flags-a", args: { component: "flags" } },
        { op: "component.deploy", target: "flags-b", args: { component: "flags" } },
        { op: "component.deploy", target: "flags-a", args: { component: "flags", settings: { banner: "hello" } } },
        // Made for a version that the target never had.
        { op: "component.restart", target: "flags-a", version: 99 },
        { op: "component.restart", target: "flags-b" },
      ] as const;
      for (const step of steps) await settled(world, step);
      const nickel = (await findTool("nickel")).path;
      const scratch = await mkdtemp(join(world.folder, "workshop-"));
      return new Workshop(world, await sourcesOfHome(world.layout.root), nickel, scratch);
    } catch (error) {
      await world.destroy();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world.destroy();
  }

  async check(overrides: Partial<Sources>, options: Partial<CheckOptions> = {}): Promise<Report> {
    const sources = { ...this.sources, ...overrides };
    return await checkInvariants({
      home: this.world.layout.root,
      sources,
      nickel: this.nickel,
      quiesced: true,
      triplane: TRIPLANE,
      ...options,
    });
  }

  /** The finding about one invariant. */
  async finding(invariant: InvariantId, overrides: Partial<Sources> = {}, options: Partial<CheckOptions> = {}): Promise<Finding> {
    const { findings } = await this.check(overrides, { only: [invariant], ...options });
    const [finding] = findings;
    if (finding?.invariant !== invariant) throw new Error(`the report has no finding about ${invariant}`);
    return finding;
  }

  key(name: string): Promise<SigningKey> {
    return readKeyFile(this.world.layout.keyFile(name));
  }

  /** A path that nothing is at yet. */
  async place(name: string): Promise<string> {
    return join(await mkdtemp(join(this.#scratch, "part-")), name);
  }

  async copy(path: string, name: string): Promise<string> {
    const place = await this.place(name);
    await cp(path, place, { recursive: true });
    return place;
  }

  /** A copy of a daemon's database, with its planes down, changed by SurrealQL of its own. */
  async storeWith(which: "controllerStore" | "orchestratorStore", ...statements: readonly string[]): Promise<Partial<Sources>> {
    const source = this.sources[which];
    if (source?.kind !== "embedded") throw new Error("the workspace embeds its databases");
    const path = await this.copy(source.path, "store");
    await run(process.execPath, [RAW_STORE, path, ...statements]);
    return { [which]: { kind: "embedded", path, socket: `${path}.sock` } };
  }

  async records(): Promise<readonly AuditRecord[]> {
    const all: AuditRecord[] = [];
    for await (const { record } of readLedger(this.world.ledgerDir, this.world.workspace.pins.state)) all.push(record);
    return all;
  }

  /** A ledger that the controller's key signed anew with these records: everything about it verifies. */
  async ledgerOf(records: readonly (AuditRecord | string)[]): Promise<{ readonly stateRepo: string }> {
    const { pins } = this.world.workspace;
    const repo = await this.copy(this.world.ledgerDir, "state");
    const key = await this.key("controller");
    const namespace = `refs/namespaces/${key.did.slice("did:key:".length)}/refs`;
    const first = await git(repo, "rev-list", "--max-parents=0", `${namespace}/rad/sigrefs`);
    await git(repo, "update-ref", `${namespace}/rad/sigrefs`, first);
    await rm(join(repo, "triplane-subjects.sqlite"), { force: true });
    const writer = await openLedgerWriter({ repoDir: repo, key, pin: pins.state, clock: systemClock });
    try {
      for (const record of records) await writer.append([typeof record === "string" ? verifyAuditRecord(record) : record]);
    } finally {
      await writer.close();
    }
    return { stateRepo: repo };
  }

  /** The sources of the processes, with one daemon's configuration changed. */
  async configured(daemon: string, change: (values: Record<string, unknown>) => void): Promise<Partial<Sources>> {
    const { processes } = this.sources;
    const file = processes?.daemons[daemon];
    if (processes === undefined || file === undefined) throw new Error(`${daemon} has no configuration`);
    const values = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
    change(values);
    const changed = await this.place("config.json");
    await writeFile(changed, JSON.stringify(values));
    return { processes: { ...processes, daemons: { ...processes.daemons, [daemon]: changed } } };
  }
}

interface HistoryStep extends Pick<Parameters<World["plan"]>[1], "op" | "target" | "args"> {
  /** Instead of the one that the target has. */
  readonly version?: number;
}

async function settled(world: World, { version, ...step }: HistoryStep): Promise<void> {
  const planned = await world.plan("ana", step);
  const { draft } = planned;
  const made = version === undefined ? planned : { ...planned, draft: { ...draft, expected_state_version: version } };
  const op = await world.submit("ana", made);
  const { claims } = await world.outcome("ana", op.entry.jti, PATIENCE_MS);
  if (claims.outcome !== (version === undefined ? "applied" : "conflict"))
    throw new Error(`${step.op} ${step.target} is ${claims.outcome} ${claims.code ?? ""}`);
  await eventually(() => world.ledgerRecord(op.entry.jti), { timeoutMs: PATIENCE_MS, what: "the record in the ledger" });
}

export async function git(repo: string, ...args: readonly string[]): Promise<string> {
  return (await run("git", [`--git-dir=${repo}`, ...args])).stdout.trim();
}
