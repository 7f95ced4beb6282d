// What tests of single effects share: the real store with every commit noted, and doubles that note what was asked of them.
import { after, before, beforeEach } from "node:test";
import type { WorkMessage } from "@triplane/bus";
import { type FailureCode, type Op, type SigningKey, subjects, TriplaneError } from "@triplane/contract";
import { createMetrics, silentLogger, systemRandom } from "@triplane/kit";
import { openStore, type Store } from "@triplane/store";
import { type ManualClock, manualClock, type TempDir, tempDir } from "@triplane/testkit";
import { Records } from "../adapters/store-records.ts";
import { Alarms } from "../alarms.ts";
import { Answers } from "../answers.ts";
import { GlassBook } from "../glass/book.ts";
import { Intake } from "../intake.ts";
import { controllerMetrics } from "../metrics.ts";
import { PolicyBook } from "../policy-book.ts";
import { Positions } from "../positions.ts";
import { Publisher } from "../publisher.ts";
import { type AcceptedRow, MIGRATIONS } from "../rows.ts";
import { ControllerService } from "../service.ts";
import { AUDIENCE, type TestSource, testSource, WORKSPACE, type World, world } from "./world.ts";

export class EffectsBench {
  /** Everything that happened, in order: commits, settling of messages, publications. */
  trace: string[] = [];
  published: { readonly subject: string; readonly text: string }[] = [];
  accepted: { readonly row: AcceptedRow; readonly op: Op }[] = [];
  /** The broker confirms nothing on this subject. */
  refusesSubject: string | undefined;
  /** Why. */
  refusal: FailureCode = "publish_unconfirmed";
  /** What somebody else does just before the next commit. */
  meanwhile: (() => Promise<void>) | undefined;
  world: World = world();
  source: TestSource = testSource(this.world.policy);
  /** Of the intake that was made last. */
  glass: GlassBook | undefined;
  /** What that intake goes by. */
  book: PolicyBook | undefined;
  clock: ManualClock = manualClock();
  readonly store: Store;
  readonly records: Records;

  constructor(store: Store) {
    this.store = store;
    this.records = new Records({
      commit: async (writes) => {
        const meanwhile = this.meanwhile;
        this.meanwhile = undefined;
        await meanwhile?.();
        await store.commit(writes);
        this.trace.push(`commit ${writes.map(({ kind, table }) => `${kind} ${table}`).join(" + ")}`);
      },
      get: (table, id) => store.get(table, id),
      list: (table, options) => store.list(table, options),
      pages: (table) => store.pages(table),
      count: (table, where) => store.count(table, where),
      highest: (table, field, above) => store.highest(table, field, above),
      close: () => store.close(),
    });
  }

  async reset(): Promise<void> {
    for (const table of ["ops", "outbox", "rejected", "meta", "break_glass"])
      for (const { id } of await this.store.list(table)) await this.store.commit([{ kind: "delete", table, id }]);
    this.trace = [];
    this.published = [];
    this.accepted = [];
    this.refusesSubject = undefined;
    this.refusal = "publish_unconfirmed";
    this.meanwhile = undefined;
    this.world = world();
    this.source = testSource(this.world.policy);
    this.clock = manualClock();
  }

  readonly bus = {
    publish: async (subject: string, text: string) => {
      if (subject === this.refusesSubject) throw new TriplaneError(this.refusal, "not confirmed");
      this.published.push({ subject, text });
      this.trace.push(`publish ${subject}`);
      return { streamSeq: this.published.length, duplicate: false };
    },
  };

  shared(key: SigningKey = this.world.keys.controller) {
    const metrics = controllerMetrics(createMetrics({ name: "test" }));
    const service = new ControllerService({ audience: AUDIENCE, key, clock: this.clock });
    const alarms = new Alarms({ bus: this.bus, workspace: WORKSPACE, clock: this.clock, logger: silentLogger, metrics });
    const outside = { logger: silentLogger, random: systemRandom, onOutbox: () => undefined };
    return { service, records: this.records, alarms, metrics, positions: new Positions(0), ...outside };
  }

  async intake(key?: SigningKey): Promise<Intake> {
    const book = new PolicyBook({ workspace: WORKSPACE, source: this.source, memory: this.records, clock: this.clock });
    await book.refresh();
    this.trace = [];
    const shared = this.shared(key);
    const glass = new GlassBook({ ...shared, policy: book, clock: this.clock });
    await glass.reload();
    this.glass = glass;
    this.book = book;
    return new Intake({
      ...shared,
      ...{ glass, clock: this.clock },
      verifyContext: { book, audience: AUDIENCE },
      maxDeliveries: 3,
      onAccepted: (row, op) => {
        this.trace.push("apply may start");
        this.accepted.push({ row, op });
      },
    });
  }

  publisher(): Publisher {
    const { records, metrics, logger, random } = this.shared();
    const signal = new AbortController().signal;
    return new Publisher({ workspace: WORKSPACE, bus: this.bus, records, answers: this.answers(), metrics, logger, random, signal });
  }

  answers(): Answers {
    const { records, logger, random } = this.shared();
    return new Answers({ workspace: WORKSPACE, bus: this.bus, records, logger, random, signal: new AbortController().signal });
  }

  message(text: string, deliveries = 1, streamSeq = 7): WorkMessage {
    return {
      subject: subjects(WORKSPACE).cmd,
      text,
      raw: Buffer.from(text),
      streamSeq,
      deliveries,
      storedAtMs: this.clock.nowMs(),
      ackConfirmed: async () => {
        this.trace.push("ack");
        return true;
      },
      working: () => undefined,
      retryLater: () => this.trace.push("give back"),
      terminate: async () => {
        this.trace.push("terminate");
      },
    };
  }
}

/** Registers the hooks of a test file; the bench is there inside tests. */
export function useEffectsBench(): () => EffectsBench {
  let folder: TempDir | undefined;
  let bench: EffectsBench | undefined;
  const get = (): EffectsBench => {
    if (bench === undefined) throw new Error("the bench is there inside tests only");
    return bench;
  };
  before(async () => {
    folder = await tempDir("controller");
    bench = new EffectsBench(await openStore({ url: `rocksdb://${folder.path}/store`, migrations: MIGRATIONS }));
  });
  beforeEach(() => get().reset());
  after(async () => {
    await bench?.store.close();
    await folder?.[Symbol.asyncDispose]();
  });
  return get;
}
