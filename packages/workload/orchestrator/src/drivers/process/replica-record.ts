// What is kept of each replica, so that a new orchestrator finds its process again: a record means "shall run".
import { DIGEST_PATTERN, type Digest } from "@triplane/contract";
import type { Store } from "@triplane/store";
import { z } from "zod";

export const replicaRecordSchema = z.strictObject({
  target: z.string(),
  replica: z.int().min(0),
  component: z.string(),
  definition: z.custom<Digest>((value) => typeof value === "string" && DIGEST_PATTERN.test(value)),
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  generation: z.string(),
  ports: z.record(z.string(), z.int()),
  /** In the environment of the process and all its descendants; new with every start, written before it. */
  marker: z.string(),
  /** Absent until the process is known to run. */
  process: z.strictObject({ pid: z.int().min(1), start: z.string() }).nullable(),
  /** Restarts within the policy's window, milliseconds since 1970. */
  restarts: z.array(z.int()),
});
export type ReplicaRecord = z.infer<typeof replicaRecordSchema>;

export function replicaId(target: string, replica: number): string {
  return `${target}.${replica}`;
}

/** The replicas table; one writer. */
export class ReplicaRecords {
  readonly #store: Store;
  readonly #known: Set<string>;

  private constructor(store: Store, known: Set<string>) {
    this.#store = store;
    this.#known = known;
  }

  static async load(store: Store): Promise<{ readonly records: ReplicaRecords; readonly found: readonly ReplicaRecord[] }> {
    const stored = await store.list("replicas");
    return {
      records: new ReplicaRecords(store, new Set(stored.map(({ id }) => id))),
      found: stored.map(({ document }) => replicaRecordSchema.parse(document)),
    };
  }

  async put(record: ReplicaRecord): Promise<void> {
    const id = replicaId(record.target, record.replica);
    await this.#store.commit([{ kind: this.#known.has(id) ? "replace" : "create", table: "replicas", id, document: { ...record } }]);
    this.#known.add(id);
  }

  async delete(record: ReplicaRecord): Promise<void> {
    const id = replicaId(record.target, record.replica);
    await this.#store.commit([{ kind: "delete", table: "replicas", id }]);
    this.#known.delete(id);
  }
}
