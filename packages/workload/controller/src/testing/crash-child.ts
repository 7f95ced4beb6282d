// A controller in a process of its own that kills itself with SIGKILL at a named step. The steps are in the ports around it; the
// controller itself has no knowledge of them.
import { writeSync } from "node:fs";
import { type Bus, connectBus, type WorkConsumer, type WorkMessage } from "@triplane/bus";
import { signingKeyFromSeed, subjects } from "@triplane/contract";
import { createLogger, createMetrics, systemClock, systemRandom } from "@triplane/kit";
import { openStore, type Store, type Write } from "@triplane/store";
import { z } from "zod";
import { orchestratorOverHttp } from "../adapters/orchestrator-http.ts";
import { controllerMetrics } from "../metrics.ts";
import type { Orchestrator } from "../ports.ts";
import { MIGRATIONS } from "../rows.ts";
import { Controller } from "../run.ts";
import { CRASH_POINTS } from "./crash-points.ts";
import { servedStore } from "./served-store.ts";
import { AUDIENCE, PEOPLE, testSource, world } from "./world.ts";

const settings = z
  .strictObject({
    natsUrl: z.string(),
    nkeySeed: z.string(),
    storeUrl: z.string(),
    orchestratorUrl: z.string(),
    orchestratorToken: z.string(),
    seeds: z.record(z.enum(PEOPLE), z.string()),
    owner: z.string(),
    standby: z.boolean(),
    killAt: z.enum(CRASH_POINTS).optional(),
    /** Stops there with SIGSTOP, once, until somebody lets it go on. */
    stopAt: z.enum(CRASH_POINTS).optional(),
  })
  .parse(JSON.parse(process.env["TRIPLANE_TEST_CONTROLLER"] ?? "{}"));

let stopped = false;

function reach(point: (typeof CRASH_POINTS)[number]): void {
  if (settings.killAt === point) process.kill(process.pid, "SIGKILL");
  if (settings.stopAt !== point || stopped) return;
  stopped = true;
  writeSync(process.stderr.fd, `stopped at ${point}\n`);
  process.kill(process.pid, "SIGSTOP");
}

function around(store: Store): Store {
  const stepOf = (writes: readonly Write[]): "accept" | "finish" | "published" | undefined => {
    const [first] = writes;
    if (first?.table === "ops") return first.kind === "create" ? "accept" : "finish";
    return first?.kind === "delete" && first.table === "outbox" ? "published" : undefined;
  };
  return {
    commit: async (writes) => {
      const step = stepOf(writes);
      if (step === "accept") reach("before-accept");
      await store.commit(writes);
      if (step !== undefined) reach(`after-${step}`);
    },
    get: (table, id) => store.get(table, id),
    list: (table, options) => store.list(table, options),
    pages: (table) => store.pages(table),
    count: (table, where) => store.count(table, where),
    highest: (table, field, above) => store.highest(table, field, above),
    close: () => store.close(),
  };
}

function aroundOrchestrator(inner: Orchestrator): Orchestrator {
  return {
    op: (jti, signal) => inner.op(jti, signal),
    apply: async (request, signal) => {
      reach("before-apply");
      // A request that was on its way when the process was stopped arrives, whatever the process has learned since.
      const onItsWay = settings.stopAt === "before-apply" ? new AbortController().signal : signal;
      const result = await inner.apply(request, onItsWay);
      reach("after-apply");
      return result;
    },
  };
}

function aroundMessage(message: WorkMessage): WorkMessage {
  const ackConfirmed = async (): Promise<boolean> => {
    const acked = await message.ackConfirmed();
    reach("after-ack");
    return acked;
  };
  return new Proxy(message, { get: (target, name) => (name === "ackConfirmed" ? ackConfirmed : Reflect.get(target, name)) });
}

function aroundBus(bus: Bus): Bus {
  const consumer = async (stream: string, durable: string): Promise<WorkConsumer> => {
    const inner = await bus.consumer(stream, durable);
    return {
      next: (options) => inner.next(options),
      batch: async (options) => (await inner.batch(options)).map(aroundMessage),
    };
  };
  const publish: Bus["publish"] = async (subject, text) => {
    const ack = await bus.publish(subject, text);
    reach(subject === subjects(AUDIENCE.workspace).audit ? "after-publish" : "after-answer");
    return ack;
  };
  return { ...bus, consumer, publish };
}

const { policy } = world(settings.seeds);
const logger = createLogger({ name: "crash-child" });
const bus = aroundBus(
  await connectBus({
    servers: settings.natsUrl,
    workspace: AUDIENCE.workspace,
    identity: { role: "controller" },
    nkeySeed: settings.nkeySeed,
    clock: systemClock,
    random: systemRandom,
    logger,
  }),
);
const stopping = new AbortController();
process.once("SIGTERM", () => stopping.abort());
const controller = new Controller({
  ...AUDIENCE,
  key: signingKeyFromSeed(Buffer.from(settings.seeds.controller, "hex")),
  bus,
  source: testSource(policy),
  orchestrator: aroundOrchestrator(
    orchestratorOverHttp({
      baseUrl: settings.orchestratorUrl,
      workspace: AUDIENCE.workspace,
      token: settings.orchestratorToken,
      timeoutMs: 5000,
    }),
  ),
  openStore: async () =>
    around(
      settings.storeUrl.startsWith("http:")
        ? servedStore(settings.storeUrl)
        : await openStore({ url: settings.storeUrl, migrations: MIGRATIONS }),
    ),
  clock: systemClock,
  random: systemRandom,
  logger,
  metrics: controllerMetrics(createMetrics({ name: "crash-child" })),
  signal: stopping.signal,
  owner: settings.owner,
  leaseTtlMs: 1000,
  pollMs: 500,
  parallel: 4,
  maxDeliveries: 3,
});
await controller.run(settings.standby ? undefined : await controller.takeLease());
await bus.close();
