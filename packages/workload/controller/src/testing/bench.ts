// What the tests with real parts share: a NATS server, the orchestrator's double, controllers in this process or in one of their own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Bus } from "@triplane/bus";
import { type Alarm, type AuditRecord, alarmSchema, CONSUMERS, streamNames, subjects, verifyAuditRecord } from "@triplane/contract";
import { createMetrics, silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { openStore, type Store } from "@triplane/store";
import { eventually, startNats, type TempDir, type TestNats, tempDir } from "@triplane/testkit";
import { orchestratorOverHttp } from "../adapters/orchestrator-http.ts";
import { controllerMetrics } from "../metrics.ts";
import { MIGRATIONS } from "../rows.ts";
import { Controller } from "../run.ts";
import type { CrashPoint } from "./crash-points.ts";
import { type OrchestratorDouble, startOrchestrator } from "./orchestrator-double.ts";
import { AUDIENCE, newSeeds, type Seeds, type TestSource, testSource, WORKSPACE, type World, world } from "./world.ts";

const CHILD = fileURLToPath(new URL("./crash-child.ts", import.meta.url));

export interface Bench extends AsyncDisposable {
  readonly nats: TestNats;
  readonly orchestrator: OrchestratorDouble;
  readonly seeds: Seeds;
  readonly world: World;
  readonly source: TestSource;
  readonly keeper: Bus;
  /** Publishes to the command stream with the keeper's credential. */
  send(text: string): Promise<void>;
  /** Every record on the audit stream so far, in order. */
  records(): Promise<readonly AuditRecord[]>;
  alarms(): Promise<readonly Alarm[]>;
  /** The record about a subject, once it is there. */
  recordOf(subject: string): Promise<AuditRecord>;
  /** Resolves when the command stream and its consumer have nothing left. */
  streamIsEmpty(): Promise<boolean>;
  newStoreUrl(): string;
  start(overrides?: Partial<InProcess>): Promise<RunningController>;
  spawn(options: ChildOptions): Child;
}

export interface InProcess {
  readonly storeUrl: string;
  readonly maxDeliveries: number;
  readonly leaseTtlMs: number;
  /** Instead of opening `storeUrl`. */
  readonly openStore: () => Promise<Store>;
}

export interface RunningController {
  readonly controller: Controller;
  readonly ended: Promise<unknown>;
  stop(): Promise<void>;
}

export interface ChildOptions {
  readonly storeUrl: string;
  readonly owner?: string;
  readonly standby?: boolean;
  readonly killAt?: CrashPoint;
  readonly stopAt?: CrashPoint;
}

export interface Child {
  readonly process: ChildProcess;
  /** Signal or exit code with which it ended. */
  readonly ended: Promise<string>;
  log(): string;
  stop(): Promise<void>;
}

export async function bench(): Promise<Bench> {
  const nats = await startNats({ workspace: WORKSPACE });
  const orchestrator = await startOrchestrator(WORKSPACE);
  const folder: TempDir = await tempDir("controller");
  const seeds = newSeeds();
  const made = world(seeds);
  const source = testSource(made.policy);
  const [keeper, mirror, watcher] = await Promise.all([nats.bus("keeper"), nats.bus("mirror"), nats.bus("watcher")]);
  const audit = await mirror.consumer(streamNames(WORKSPACE).audit, CONSUMERS.audit);
  const records: AuditRecord[] = [];
  const stops: (() => Promise<void>)[] = [];
  let stores = 0;

  const readRecords = async (): Promise<readonly AuditRecord[]> => {
    for (const message of await audit.batch({ max: 100, waitMs: 1 })) {
      if (await message.ackConfirmed()) records.push(verifyAuditRecord(message.text ?? ""));
    }
    return records;
  };

  return {
    nats,
    orchestrator,
    seeds,
    world: made,
    source,
    keeper,
    send: async (text) => {
      await keeper.publish(subjects(WORKSPACE).cmd, text);
    },
    records: readRecords,
    alarms: async () => {
      const messages = await watcher.all(streamNames(WORKSPACE).alarm, subjects(WORKSPACE).alarm);
      return messages.map((message) => alarmSchema.parse(JSON.parse(message.text ?? "")));
    },
    recordOf: (subject) =>
      eventually(async () => (await readRecords()).find((record) => record.claims.subject === subject), {
        what: `a record about ${subject}`,
        timeoutMs: 20_000,
      }),
    streamIsEmpty: async () => (await keeper.streamState(streamNames(WORKSPACE).cmd)).messages === 0,
    newStoreUrl: () => {
      stores += 1;
      return `rocksdb://${join(folder.path, `store-${stores}`)}`;
    },
    start: async (overrides = {}) => {
      const stopping = new AbortController();
      const storeUrl = overrides.storeUrl ?? `rocksdb://${join(folder.path, `store-${++stores}`)}`;
      const controller = new Controller({
        ...AUDIENCE,
        key: made.keys.controller,
        bus: await nats.bus("controller"),
        source,
        orchestrator: orchestratorOverHttp({ baseUrl: orchestrator.url, workspace: WORKSPACE, token: orchestrator.token, timeoutMs: 5000 }),
        openStore: overrides.openStore ?? (() => openStore({ url: storeUrl, migrations: MIGRATIONS })),
        clock: systemClock,
        random: systemRandom,
        logger: silentLogger,
        metrics: controllerMetrics(createMetrics({ name: "ops-controller" })),
        signal: stopping.signal,
        owner: "in-process",
        leaseTtlMs: overrides.leaseTtlMs ?? 5000,
        pollMs: 100,
        parallel: 4,
        maxDeliveries: overrides.maxDeliveries ?? 10,
      });
      const ended = controller.run(await controller.takeLease()).then(
        () => undefined,
        (error: unknown) => error,
      );
      const stop = async (): Promise<void> => {
        stopping.abort();
        await ended;
      };
      stops.push(stop);
      return { controller, ended, stop };
    },
    spawn: ({ storeUrl, owner = "child", standby = false, killAt, stopAt }) => {
      const settings = {
        natsUrl: nats.url,
        nkeySeed: nats.keyOf({ role: "controller" }).seed,
        storeUrl,
        orchestratorUrl: orchestrator.url,
        orchestratorToken: orchestrator.token,
        seeds,
        owner,
        standby,
        ...(killAt === undefined ? {} : { killAt }),
        ...(stopAt === undefined ? {} : { stopAt }),
      };
      const child = spawn(process.execPath, [CHILD], {
        env: { ...process.env, TRIPLANE_TEST_CONTROLLER: JSON.stringify(settings), NODE_TEST_CONTEXT: undefined },
        stdio: ["ignore", "ignore", "pipe"],
      });
      let log = "";
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
        log += chunk;
      });
      const ended = once(child, "exit").then(([code, signal]) => String(signal ?? code));
      const stop = async (): Promise<void> => {
        child.kill("SIGTERM");
        await ended;
      };
      stops.push(async () => {
        child.kill("SIGKILL");
        await ended;
      });
      return { process: child, ended, log: () => log, stop };
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(stops.map((stop) => stop()));
      await orchestrator[Symbol.asyncDispose]();
      await nats.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}
