// The orchestrator's database: what it did for each op, and where each target stands.
import { number, string } from "./controller.ts";
import { POOL_TABLES, PoolReading, type PoolRows } from "./pool.ts";
import { type Row, readRows, type StoreSource } from "./rows.ts";

export interface OrchestratorOp {
  readonly id: string;
  readonly jti: string;
  readonly opDigest: string;
  readonly kind: string;
  readonly target: string;
  readonly fence: number;
  readonly status: string;
  readonly before: number;
  /** Undefined while it runs. */
  readonly after: number | undefined;
  /** Targets that it was to change, its own among them. */
  readonly changes: readonly string[];
}

export interface OrchestratorRows {
  readonly from: string;
  readonly ops: ReadonlyMap<string, OrchestratorOp>;
  /** Version of each target. */
  readonly targets: ReadonlyMap<string, number>;
  readonly revision: number | undefined;
  readonly fence: number | undefined;
  /** The changes of targets that the kept events tell. */
  readonly changed: readonly { readonly target: string; readonly version: number; readonly jti: string }[];
  /** Replicas that are recorded, by target. */
  readonly replicas: ReadonlyMap<string, number>;
  /** Replicas that are wanted, by target; none for a target that is no instance of a component. */
  readonly wanted: ReadonlyMap<string, number>;
  /** Leases of machines, and builds on them. */
  readonly pool: PoolRows;
}

const TABLES = ["meta", "targets", "ops", "events", "replicas"] as const;

export async function readOrchestratorRows(source: StoreSource): Promise<OrchestratorRows> {
  const ops = new Map<string, OrchestratorOp>();
  const targets = new Map<string, number>();
  const changed: { target: string; version: number; jti: string }[] = [];
  const replicas = new Map<string, number>();
  const wanted = new Map<string, number>();
  const pool = new PoolReading();
  let revision: number | undefined;
  let fence: number | undefined;
  const from = await readRows(source, [...TABLES, ...POOL_TABLES], ({ table, id, document }) => {
    if (table === "ops") ops.set(id, opOf(id, document));
    else if (table === "targets") {
      targets.set(id, number(document["version"]) ?? 0);
      const count = number(record(document["state"])["replicas"]);
      if (count !== undefined) wanted.set(id, count);
    } else if (table === "events") {
      // Events of one commit are one row; in older databases each is a row of its own.
      const events = Array.isArray(document["events"]) ? document["events"] : [document];
      changed.push(...events.flatMap((event) => changeOf(record(event)) ?? []));
    } else if (table === "replicas") {
      const target = string(document["target"]) ?? id;
      replicas.set(target, (replicas.get(target) ?? 0) + 1);
    } else if (table === "meta") {
      revision = number(document["revision"]);
      fence = number(document["fence"]);
    } else pool.add({ table, id, document });
  });
  return { from, ops, targets, revision, fence, changed, replicas, wanted, pool: pool.rows() };
}

function opOf(id: string, document: Row["document"]): OrchestratorOp {
  const result = document["result"] === null ? undefined : record(document["result"]);
  const changes = Array.isArray(document["changes"]) ? document["changes"] : [];
  return {
    id,
    jti: string(document["jti"]) ?? "",
    opDigest: string(document["op_digest"]) ?? "",
    kind: string(document["op"]) ?? "",
    target: string(document["target"]) ?? "",
    fence: number(document["fence"]) ?? 0,
    status: string(document["status"]) ?? "",
    before: number(document["state_version_before"]) ?? 0,
    after: number(result?.["state_version_after"]),
    changes: changes.flatMap((change) => string(record(change)["target"]) ?? []),
  };
}

function changeOf(event: Row["document"]): { target: string; version: number; jti: string } | undefined {
  const data = record(event["data"]);
  const [target, version, jti] = [string(event["target"]), number(data["version"]), string(data["jti"])];
  return event["type"] === "target.changed" && target !== undefined && version !== undefined && jti !== undefined
    ? { target, version, jti }
    : undefined;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
