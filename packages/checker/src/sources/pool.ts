// The pool's rows in the orchestrator's database, and the runners that its provider has.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Row } from "./rows.ts";

const seconds = z.int().nullable();

const leaseRow = z.looseObject({
  build_id: z.string(),
  retry_of: z.string().nullable(),
  repo: z.string(),
  tier: z.string(),
  state: z.string(),
  created_at: z.int(),
  expires_at: z.int(),
  server_id: z.string().nullable(),
  booting_at: seconds,
  ended_at: seconds,
  /** Of the server that it has or had, where `booting_at` is set. */
  offer: z.looseObject({ memory_mib: z.int() }).nullable(),
});
export type LeaseRow = z.infer<typeof leaseRow> & { readonly id: string };

const reaperRow = z.looseObject({ at: z.int(), servers: z.int(), orphans: z.int(), oldest_orphan_at: seconds });
export type ReaperRow = z.infer<typeof reaperRow>;

export interface PoolRows {
  readonly leases: ReadonlyMap<string, LeaseRow>;
  /** What launchers reported, by lease. */
  readonly outcomes: ReadonlyMap<string, string>;
  /** Of the reaper's last pass; undefined where it never made one. */
  readonly reaper: ReaperRow | undefined;
  /** Rows that are not what the pool writes: `<table>/<id>`. */
  readonly unreadable: readonly string[];
}

export const POOL_TABLES = ["leases", "builds", "pool"] as const;

/** Collects the rows of these tables as they come. */
export class PoolReading {
  readonly #leases = new Map<string, LeaseRow>();
  readonly #outcomes = new Map<string, string>();
  readonly #unreadable: string[] = [];
  #reaper: ReaperRow | undefined;

  add({ table, id, document }: Row): void {
    const outcome = document["outcome"];
    if (table === "leases") {
      const row = leaseRow.safeParse(document);
      if (row.success) this.#leases.set(id, { ...row.data, id });
      else this.#unreadable.push(`${table}/${id}`);
    } else if (table === "builds" && typeof outcome === "string") this.#outcomes.set(id, outcome);
    else if (table === "pool" && id === "reaper" && reaperRow.safeParse(document).success) this.#reaper = reaperRow.parse(document);
    else this.#unreadable.push(`${table}/${id}`);
  }

  rows(): PoolRows {
    return { leases: this.#leases, outcomes: this.#outcomes, reaper: this.#reaper, unreadable: this.#unreadable };
  }
}

/** A runner as its provider tells of it. */
export interface RunnerSeen {
  readonly id: string;
  readonly name: string;
  /** The lease that its label names. */
  readonly lease: string;
}

const runnerFile = z.looseObject({ id: z.string(), name: z.string(), labels: z.looseObject({ lease: z.string() }) });

/** Local runners: a folder for each, with a record in it. Folders that begin with a dot are being made or removed. */
export async function readLocalRunners(folder: string): Promise<readonly RunnerSeen[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const runners: RunnerSeen[] = [];
  for (const name of names.filter((each) => !each.startsWith("."))) {
    const text = await readFile(join(folder, name, "runner.json"), "utf8").catch(() => undefined);
    // It went away while the folder was read.
    if (text === undefined) continue;
    const { id, labels, ...record } = runnerFile.parse(JSON.parse(text));
    runners.push({ id, name: record.name, lease: labels.lease });
  }
  return runners;
}
