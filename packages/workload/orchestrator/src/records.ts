// What the orchestrator keeps: targets, ops by jti, events, and one record on the workspace that every commit of an op writes.
//
// 1. An op's row exists before its effect, and is finished in one commit with the targets that it changed (`applied-once`).
// 2. Commits follow one another; those that change the workspace demand that what is in memory is what is stored.
// 3. Those who wait share the next commit; where it fails for one of them, each has one of its own.
import { type ApplyResult, type Clock, TriplaneError } from "@triplane/contract";
import type { Document, Migration, Store, Write } from "@triplane/store";
import { POOL_TABLES } from "@triplane/vm-pool";
import { z } from "zod";
import { EventRows } from "./event-rows.ts";
import { type EventDraft, EventRing, type OrchestratorEvent } from "./events.ts";
import { jsonRecord, type TargetRecord } from "./model.ts";
import { type OpRow, opDocument, opOf } from "./op-row.ts";
import { TargetBook } from "./target-book.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    description: "targets, ops, events and replicas",
    tables: [
      { table: "meta", indexes: [] },
      { table: "targets", indexes: [] },
      { table: "ops", indexes: ["status"] },
      { table: "events", indexes: [] },
      { table: "replicas", indexes: [] },
    ],
  },
  { version: 2, description: "leases of machines, builds on them, and what the pool remembers of itself", tables: POOL_TABLES },
];

export const META = { table: "meta", id: "workspace" } as const;
const EVENTS_KEPT = 2000;

/** Those who wait share the next commit, up to so many. */
const MAX_TOGETHER = 64;

type Meta = z.infer<typeof metaSchema>;

/** What somebody wants stored, made when its turn comes: by then it is known what the workspace is. */
interface Wish {
  readonly events: readonly EventDraft[];
  readonly make: (now: Meta) => Made;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Made {
  readonly meta: Meta;
  /** Whether what was read of the workspace has to be so still. */
  readonly demands: boolean;
  readonly writes: readonly Write[];
  readonly changed: readonly TargetRecord[];
}

export class Records {
  readonly events: EventRing;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #rows: EventRows;
  readonly #targets: TargetBook;
  readonly #waiting: Wish[] = [];
  #isCommitting = false;
  #meta: Meta;
  /** Highest number that anybody came with; it is stored, or will be before anybody hears that it was taken. */
  #highestFence: number;

  private constructor(store: Store, clock: Clock, loaded: { meta: Meta; targets: TargetBook; events: EventRing; rows: EventRows }) {
    this.#store = store;
    this.#clock = clock;
    this.events = loaded.events;
    this.#rows = loaded.rows;
    this.#targets = loaded.targets;
    this.#meta = loaded.meta;
    this.#highestFence = loaded.meta.fence;
  }

  static async load(store: Store, clock: Clock): Promise<Records> {
    let meta = await store.get(META.table, META.id);
    if (meta === undefined) {
      meta = { revision: 0, fence: 0 };
      await store.commit([{ kind: "create", ...META, document: meta }]);
    }
    const { rows, events } = EventRows.read(EVENTS_KEPT, await store.list("events", { orderBy: "id" }));
    const targets = new TargetBook((await store.list("targets")).map(({ id, document }) => targetOf(id, document)));
    return new Records(store, clock, { meta: metaSchema.parse(meta), targets, events: new EventRing(EVENTS_KEPT, events), rows });
  }

  get revision(): number {
    return this.#meta.revision;
  }

  async target(target: string): Promise<TargetRecord | undefined> {
    return this.#targets.get(target);
  }

  async targets(): Promise<readonly TargetRecord[]> {
    return this.#targets.all();
  }

  async op(jti: string): Promise<OpRow | undefined> {
    const document = await this.#store.get("ops", jti);
    return document === undefined ? undefined : opOf(document);
  }

  async runningOps(): Promise<readonly OpRow[]> {
    const stored = await this.#store.list("ops", { where: { status: "running" } });
    return stored.map(({ document }) => opOf(document)).sort((a, b) => a.acceptedAtMs - b.acceptedAtMs);
  }

  /** Remembers the highest fencing number. Throws `fencing_stale` for a lower one. */
  async fence(fence: number): Promise<void> {
    if (fence < this.#highestFence) {
      throw new TriplaneError("fencing_stale", `fencing number ${fence} is lower than ${this.#highestFence}`, {
        details: { highest: this.#highestFence },
      });
    }
    if (fence === this.#meta.fence) return;
    this.#highestFence = fence;
    await this.#commit([], (now) => ({ meta: { ...now, fence: Math.max(now.fence, fence) }, demands: true, writes: [], changed: [] }));
  }

  /** Stores the intent of an op, or at once its result where there is nothing to do. Throws `store_duplicate` for a known jti. */
  async begin(row: OpRow, events: readonly EventDraft[]): Promise<void> {
    const writes: readonly Write[] = [{ kind: "create", table: "ops", id: row.jti, document: opDocument(row) }];
    await this.#commit(events, (meta) => ({ meta, demands: false, writes, changed: [] }));
  }

  /** Stores the result and the new targets in one commit. `result` is made with the revision that holds afterwards. */
  async finish(
    row: OpRow,
    changed: readonly TargetRecord[],
    result: (revision: number) => ApplyResult,
    events: readonly EventDraft[],
  ): Promise<ApplyResult> {
    let finished: ApplyResult | undefined;
    await this.#commit(events, (now) => {
      const meta = { ...now, revision: now.revision + (changed.length > 0 ? 1 : 0) };
      finished = result(meta.revision);
      const document = opDocument({ ...row, result: finished });
      const writes: readonly Write[] = [
        { kind: "replace", table: "ops", id: row.jti, document, expect: { status: "running" } },
        ...changed.map((record) => targetWrite(record)),
      ];
      return { meta, demands: true, writes, changed };
    });
    if (finished === undefined) throw new TriplaneError("internal", `the result of ${row.jti} was stored and not made`);
    return finished;
  }

  /** Events that belong to no op. */
  async record(events: readonly EventDraft[]): Promise<void> {
    await this.#commit(events, (meta) => ({ meta, demands: false, writes: [], changed: [] }));
  }

  async #commit(events: readonly EventDraft[], make: Wish["make"]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ events, make, resolve, reject });
    if (!this.#isCommitting) void this.#commitWaiting();
    await promise;
  }

  async #commitWaiting(): Promise<void> {
    this.#isCommitting = true;
    // Whoever asks in this turn comes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, MAX_TOGETHER);
      if (group.length === 1 || !(await this.#commitTogether(group))) for (const wish of group) await this.#commitAlone(wish);
    }
    this.#isCommitting = false;
  }

  async #commitAlone(wish: Wish): Promise<void> {
    try {
      await this.#write([wish]);
      wish.resolve();
    } catch (error) {
      wish.reject(error);
    }
  }

  /** False where nothing happened, because of one of them. */
  async #commitTogether(group: readonly Wish[]): Promise<boolean> {
    try {
      await this.#write(group);
      for (const { resolve } of group) resolve();
    } catch (error) {
      if (error instanceof TriplaneError && (error.code === "store_duplicate" || error.code === "store_conflict")) return false;
      for (const { reject } of group) reject(error);
    }
    return true;
  }

  async #write(wishes: readonly Wish[]): Promise<void> {
    let meta = this.#meta;
    const made = wishes.map(({ make }) => {
      const one = make(meta);
      meta = one.meta;
      return one;
    });
    const atMs = this.#clock.nowMs();
    const events = wishes
      .flatMap((wish) => wish.events)
      .map((draft, index): OrchestratorEvent => ({ id: this.events.lastId + 1 + index, at_ms: atMs, ...draft }));
    const demanded: Write = { kind: "replace", ...META, document: meta, expect: this.#meta };
    await this.#store.commit([
      ...(made.some(({ demands }) => demands) ? [demanded] : []),
      ...made.flatMap(({ writes }) => writes),
      ...this.#rows.writes(events),
    ]);
    this.#meta = meta;
    for (const record of made.flatMap(({ changed }) => changed)) this.#targets.put(record);
    this.#rows.stored(events);
    this.events.append(events);
  }
}

const metaSchema = z.strictObject({ revision: z.int().min(0), fence: z.int().min(0) });
function targetOf(target: string, document: Document): TargetRecord {
  const { version, state } = z.object({ version: z.int().min(1), state: jsonRecord.nullable() }).parse(document);
  return { target, version, state: state ?? undefined };
}

function targetWrite({ target, version, state }: TargetRecord): Write {
  const document = { version, state: state ?? null };
  if (version === 1) return { kind: "create", table: "targets", id: target, document };
  return { kind: "replace", table: "targets", id: target, document, expect: { version: version - 1 } };
}
