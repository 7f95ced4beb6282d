// What the orchestrator keeps: targets, ops by jti, events, and one record on the workspace that every commit of an op writes.
//
// 1. An op's row exists before its effect, and is finished in one commit with the targets that it changed (`applied-once`).
// 2. Commits that change the workspace follow one another; each demands that what it read is still so.
import { type ApplyResult, applyResultSchema, type Clock, type Digest, digestField, type Json, TriplaneError } from "@triplane/contract";
import type { Document, Migration, Store, Write } from "@triplane/store";
import { z } from "zod";
import { type EventDraft, EventRing, type OrchestratorEvent } from "./events.ts";
import { type InstanceState, instanceStateSchema, type JsonRecord, type TargetRecord } from "./model.ts";

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
];

/** Fixed when the op is accepted; what a restart after a crash goes on from. */
export interface IntendedChange {
  readonly target: string;
  readonly action: string;
  readonly before: InstanceState | undefined;
  readonly after: InstanceState | undefined;
}

export interface OpRow {
  readonly jti: string;
  readonly opDigest: Digest;
  readonly op: string;
  readonly target: string;
  readonly args: JsonRecord;
  readonly fence: number;
  readonly acceptedAtMs: number;
  readonly stateVersionBefore: number;
  readonly changes: readonly IntendedChange[];
  /** New state of the op's own target where that is no instance. */
  readonly targetState: JsonRecord | undefined;
  /** Undefined while it runs. */
  readonly result: ApplyResult | undefined;
}

export const META = { table: "meta", id: "workspace" } as const;
const EVENTS_KEPT = 2000;

export class Records {
  readonly events: EventRing;
  readonly #store: Store;
  readonly #clock: Clock;
  #tail: Promise<unknown> = Promise.resolve();
  #revision: number;
  #fence: number;

  private constructor(store: Store, clock: Clock, events: EventRing, meta: { revision: number; fence: number }) {
    this.#store = store;
    this.#clock = clock;
    this.events = events;
    this.#revision = meta.revision;
    this.#fence = meta.fence;
  }

  static async load(store: Store, clock: Clock): Promise<Records> {
    let meta = await store.get(META.table, META.id);
    if (meta === undefined) {
      meta = { revision: 0, fence: 0 };
      await store.commit([{ kind: "create", ...META, document: meta }]);
    }
    const stored = await store.list("events", { orderBy: "id" });
    const events = stored.map(({ document }) => eventSchema.parse(document)).sort((a, b) => a.id - b.id);
    return new Records(store, clock, new EventRing(EVENTS_KEPT, events), metaSchema.parse(meta));
  }

  get revision(): number {
    return this.#revision;
  }

  async target(target: string): Promise<TargetRecord | undefined> {
    const document = await this.#store.get("targets", target);
    return document === undefined ? undefined : targetOf(target, document);
  }

  async targets(): Promise<readonly TargetRecord[]> {
    const stored = await this.#store.list("targets");
    return stored.map(({ id, document }) => targetOf(id, document)).sort((a, b) => (a.target < b.target ? -1 : 1));
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
  fence(fence: number): Promise<void> {
    return this.#serial(async () => {
      if (fence < this.#fence) {
        throw new TriplaneError("fencing_stale", `fencing number ${fence} is lower than ${this.#fence}`, {
          details: { highest: this.#fence },
        });
      }
      if (fence === this.#fence) return;
      await this.#commit([this.#metaWrite({ fence })], []);
      this.#fence = fence;
    });
  }

  /** Stores the intent of an op, or at once its result where there is nothing to do. */
  begin(row: OpRow, events: readonly EventDraft[]): Promise<void> {
    return this.#serial(() => this.#commit([{ kind: "create", table: "ops", id: row.jti, document: opDocument(row) }], events));
  }

  /** Stores the result and the new targets in one commit. `result` is made with the revision that holds afterwards. */
  finish(
    row: OpRow,
    changed: readonly TargetRecord[],
    result: (revision: number) => ApplyResult,
    events: readonly EventDraft[],
  ): Promise<ApplyResult> {
    return this.#serial(async () => {
      const revision = this.#revision + (changed.length > 0 ? 1 : 0);
      const finished: OpRow = { ...row, result: result(revision) };
      const writes: Write[] = [
        this.#metaWrite({ revision }),
        { kind: "replace", table: "ops", id: row.jti, document: opDocument(finished), expect: { status: "running" } },
        ...changed.map((record) => targetWrite(record)),
      ];
      await this.#commit(writes, events);
      this.#revision = revision;
      return result(revision);
    });
  }

  /** Events that belong to no op. */
  record(events: readonly EventDraft[]): Promise<void> {
    return this.#serial(() => this.#commit([], events));
  }

  #metaWrite(next: { readonly revision?: number; readonly fence?: number }): Write {
    const now = { revision: this.#revision, fence: this.#fence };
    return { kind: "replace", ...META, document: { ...now, ...next }, expect: now };
  }

  async #commit(writes: readonly Write[], drafts: readonly EventDraft[]): Promise<void> {
    const atMs = this.#clock.nowMs();
    const events = drafts.map((draft, index): OrchestratorEvent => ({ id: this.events.lastId + 1 + index, at_ms: atMs, ...draft }));
    const expired = this.events.expired(this.events.lastId + events.length);
    await this.#store.commit([
      ...writes,
      ...events.map((event): Write => ({ kind: "create", table: "events", id: eventId(event.id), document: { ...event } })),
      ...expired.map((id): Write => ({ kind: "delete", table: "events", id: eventId(id) })),
    ]);
    this.events.append(events);
  }

  #serial<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#tail.then(work, work);
    this.#tail = next.catch(() => undefined);
    return next;
  }
}

const metaSchema = z.strictObject({ revision: z.int().min(0), fence: z.int().min(0) });
const jsonRecord = z.custom<JsonRecord>((value) => typeof value === "object" && value !== null && !Array.isArray(value));
const eventSchema = z.custom<OrchestratorEvent>(
  (value) => jsonRecord.safeParse(value).success && typeof (value as Document)["id"] === "number",
);

// Fixed width, so that the order of ids is the order of numbers.
function eventId(id: number): string {
  return String(id).padStart(16, "0");
}

function targetOf(target: string, document: Document): TargetRecord {
  const { version, state } = z.object({ version: z.int().min(1), state: jsonRecord.nullable() }).parse(document);
  return { target, version, state: state ?? undefined };
}

function targetWrite({ target, version, state }: TargetRecord): Write {
  const document = { version, state: state ?? null };
  if (version === 1) return { kind: "create", table: "targets", id: target, document };
  return { kind: "replace", table: "targets", id: target, document, expect: { version: version - 1 } };
}

const opRowSchema = z.object({
  jti: z.string(),
  op_digest: digestField,
  op: z.string(),
  target: z.string(),
  args: jsonRecord,
  fence: z.int(),
  accepted_at_ms: z.int(),
  state_version_before: z.int(),
  changes: z.array(
    z.object({ target: z.string(), action: z.string(), before: instanceStateSchema.nullable(), after: instanceStateSchema.nullable() }),
  ),
  target_state: jsonRecord.nullable(),
  result: applyResultSchema.nullable(),
});

function opOf(document: Document): OpRow {
  const row = opRowSchema.parse(document);
  return {
    jti: row.jti,
    opDigest: row.op_digest,
    op: row.op,
    target: row.target,
    args: row.args,
    fence: row.fence,
    acceptedAtMs: row.accepted_at_ms,
    stateVersionBefore: row.state_version_before,
    changes: row.changes.map((change) => ({ ...change, before: change.before ?? undefined, after: change.after ?? undefined })),
    targetState: row.target_state ?? undefined,
    result: row.result ?? undefined,
  };
}

/** As it is stored. */
export function opDocument(row: OpRow): Document {
  return {
    jti: row.jti,
    status: row.result?.status ?? "running",
    op_digest: row.opDigest,
    op: row.op,
    target: row.target,
    args: row.args,
    fence: row.fence,
    accepted_at_ms: row.acceptedAtMs,
    state_version_before: row.stateVersionBefore,
    changes: row.changes.map(({ target, action, before, after }) => ({ target, action, before: before ?? null, after: after ?? null })),
    target_state: row.targetState ?? null,
    result: row.result === undefined ? null : resultJson(row.result),
  };
}

function resultJson(result: ApplyResult): Json {
  const { code, ...rest } = result;
  return code === undefined ? rest : { ...rest, code };
}
