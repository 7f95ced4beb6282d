// The demo's world: a whole local workspace in a temporary folder, on free ports, gone without a trace at the end.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bus } from "@triplane/bus";
import {
  type Alarm,
  type ApplyResult,
  type AuditRecord,
  alarmSchema,
  applyResultSchema,
  type Clock,
  CONSUMERS,
  type Digest,
  type Json,
  type OpClaims,
  type Random,
  streamNames,
  subjects,
  type TargetState,
  TriplaneError,
  verifyAuditRecord,
} from "@triplane/contract";
import { readSecretFile, sleep } from "@triplane/kit";
import { findRecord, readLedger, repositoryDir } from "@triplane/ledger";
import type { OutboxOp } from "@triplane/submitter";
import { createHome } from "../home/create-home.ts";
import { type HomeLayout, homeLayout } from "../home/layout.ts";
import type { WorkspaceFile } from "../home/workspace-file.ts";
import { connectAs } from "../people/connect.ts";
import { orchestratorOf, type Person, type Planned, personAt, planOp, withSubmitter } from "../people/person.ts";
import { actorFor } from "../people/who.ts";
import { bringUp, takeDown } from "../planes/launch.ts";
import { PLANES, type Plane } from "../planes/process-spec.ts";
import { openRunFolder, type ProcessRecord } from "../planes/records.ts";
import { stopComponents } from "../planes/stop-components.ts";
import { readEvents } from "./events.ts";
import { leftovers } from "./leftovers.ts";

/** Every op of the demo outlives it. */
const LIFETIME_S = 600;

export interface WorldOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

export interface OpTold {
  readonly op: OpClaims["op"];
  readonly target: string;
  readonly args?: { readonly [key: string]: Json };
  readonly reason?: string;
}

export class World {
  readonly layout: HomeLayout;
  readonly workspace: WorkspaceFile;
  readonly folder: string;
  readonly options: WorldOptions;
  readonly #watcher: Bus[] = [];

  private constructor(folder: string, workspace: WorkspaceFile, options: WorldOptions) {
    this.folder = folder;
    this.layout = homeLayout(join(folder, "home"));
    this.workspace = workspace;
    this.options = options;
  }

  /** Keys, identities, repositories; nothing runs yet. */
  static async create(options: WorldOptions, progress: (line: string) => void): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), "triplane-demo-"));
    try {
      const [high = 0, low = 0] = options.random.bytes(2);
      const { clock, random } = options;
      const workspace = await createHome({
        ...{ root: join(folder, "home"), workspace: "libre-wuji", clock, random, force: false, progress },
        portsStartAt: high * 256 + low,
      });
      return new World(folder, workspace, options);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Stops everything that was started and removes the folder, whatever has happened. Returns what it could not end. */
  async destroy(): Promise<readonly string[]> {
    for (const bus of this.#watcher.splice(0)) await bus.close().catch(() => undefined);
    for (const plane of PLANES.toReversed()) await takeDown(plane, this.layout);
    await stopComponents(this.layout, this.workspace);
    const found = await leftovers(this.folder, this.workspace.ports);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
    return found;
  }

  async bringUp(plane: Plane): Promise<readonly ProcessRecord[]> {
    this.assertWanted();
    await bringUp(plane, this.layout, this.options.signal);
    return await this.processes(plane);
  }

  async takeDown(plane: Plane): Promise<readonly string[]> {
    this.assertWanted();
    return await takeDown(plane, this.layout);
  }

  async processes(plane: Plane): Promise<readonly ProcessRecord[]> {
    return (await openRunFolder(this.layout.run).processes()).filter((record) => record.plane === plane);
  }

  async person(principal: string): Promise<Person> {
    return personAt(await actorFor({ as: principal }, { env: {} }, this.layout, this.workspace), this.layout, this.workspace, this.options);
  }

  /** What the op would do, and the draft that its issuer signs. */
  async plan(principal: string, told: OpTold): Promise<Planned> {
    const { op, target, args = {}, reason } = told;
    return await planOp(await this.person(principal), { op, target, args, reason, expiresInS: LIFETIME_S });
  }

  async submit(principal: string, planned: Planned): Promise<OutboxOp> {
    this.assertWanted();
    const person = await this.person(principal);
    return await withSubmitter(person, (submitter) => submitter.submit(planned.draft, person.key));
  }

  /** The controller's signed record of an op, verified for these very bytes. Throws `outcome_timeout`. */
  async outcome(principal: string, jti: string, timeoutMs = 20_000): Promise<AuditRecord> {
    const person = await this.person(principal);
    const outcome = await withSubmitter(person, (submitter) => submitter.waitForOutcome(jti, { timeoutMs, signal: this.options.signal }));
    this.assertWanted();
    return verifyAuditRecord(outcome.record);
  }

  /** Undefined while the op has no outcome. */
  async stage(principal: string, jti: string): Promise<"sent" | "review" | "outcome"> {
    return (await withSubmitter(await this.person(principal), (submitter) => submitter.stage(jti))).stage;
  }

  async target(name: string): Promise<TargetState> {
    return await (await orchestratorOf(await this.person("ana"))).target(name);
  }

  /** How far the orchestrator is with an op; undefined if it does not know it. */
  async applying(jti: string): Promise<ApplyResult | undefined> {
    const token = (await readSecretFile(this.layout.tokenFile("ana"))).trim();
    const url = `http://127.0.0.1:${this.workspace.ports.orchestrator}/api/v1/workspaces/${this.workspace.workspace}/ops/${jti}`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(5_000) });
    return response.ok ? applyResultSchema.parse(await response.json()) : undefined;
  }

  /** Every event that the orchestrator keeps, up to the end of an op. */
  async eventsUntilFinished(jti: string): Promise<readonly { readonly type: string; readonly target: string }[]> {
    const token = (await readSecretFile(this.layout.tokenFile("ana"))).trim();
    const url = `http://127.0.0.1:${this.workspace.ports.orchestrator}/api/v1/workspaces/${this.workspace.workspace}/events`;
    const headers = { authorization: `Bearer ${token}`, "last-event-id": "0" };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) });
    return await readEvents(response, (event) => event.type === "op.finished" && event.data["jti"] === jti);
  }

  /** A connection that may only look. */
  async watcher(): Promise<Bus> {
    const [open] = this.#watcher;
    if (open !== undefined) return open;
    const bus = await connectAs({ role: "watcher" }, this.layout, this.workspace, this.options);
    this.#watcher.push(bus);
    return bus;
  }

  async alarms(): Promise<readonly Alarm[]> {
    const name = this.workspace.workspace;
    const messages = await (await this.watcher()).all(streamNames(name).alarm, subjects(name).alarm);
    return messages.map((message) => alarmSchema.parse(JSON.parse(message.text ?? "")));
  }

  /** Messages that a consumer has not settled yet. */
  async waiting(stream: "pending" | "cmd"): Promise<number> {
    const name = streamNames(this.workspace.workspace)[stream];
    const state = await (await this.watcher()).consumerState(name, CONSUMERS[stream]);
    return state.pending + state.unacked;
  }

  get ledgerDir(): string {
    return repositoryDir(this.layout.storage, this.workspace.pins.state.rid);
  }

  /** How often the ledger has a subject. */
  async ledgerCount(subject: string): Promise<number> {
    let count = 0;
    for await (const entry of readLedger(this.ledgerDir, this.workspace.pins.state)) if (entry.subject === subject) count += 1;
    return count;
  }

  async ledgerRecord(subject: string | Digest): Promise<AuditRecord | undefined> {
    return (await findRecord(this.ledgerDir, this.workspace.pins.state, subject))?.record;
  }

  /** Polls until `check` gives something, or throws `outcome_timeout` saying what was waited for. */
  async eventually<T>(what: string, check: () => Promise<T | undefined | false>, timeoutMs = 15_000): Promise<T> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      this.assertWanted();
      const value = await check();
      if (value !== undefined && value !== false) return value;
      if (performance.now() > deadlineMs) throw new TriplaneError("outcome_timeout", `${what} did not happen within ${timeoutMs / 1000} s`);
      await sleep(50, this.options.signal);
    }
  }

  /** Ends a scene as soon as somebody pressed Ctrl-C. */
  assertWanted(): void {
    if (this.options.signal.aborted)
      throw new TriplaneError("start_failed", "the demo was told to stop", { hint: "Run it again when you like." });
  }
}
