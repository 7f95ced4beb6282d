// Leases and builds as rows of the orchestrator's database. The checker reads the same rows.
//
// 1. A row is replaced only where it is as this pool left it: two pools over one database stop each other.
import {
  buildIdField,
  buildKeySchema,
  type FailureCode,
  imageRepositoryField,
  isFailureCode,
  leaseIdField,
  leaseStateSchema,
  secondsField,
  TriplaneError,
  tierSchema,
} from "@triplane/contract";
import type { Document, Migration, Store, Write } from "@triplane/store";
import { z } from "zod";
import type { LeaseRecord } from "./engine/lease.ts";
import type { Offer } from "./provider.ts";

/** Tables of the pool, to be made by whoever opens the store. */
export const POOL_TABLES: Migration["tables"] = [
  { table: "leases", indexes: ["state", "build_id", "retry_of"] },
  { table: "builds", indexes: ["key", "finished_at"] },
  { table: "pool", indexes: [] },
];

const offerSchema = z.strictObject({
  type: z.string(),
  location: z.string(),
  cpus: z.int(),
  memory_mib: z.int(),
  platform: buildKeySchema.shape.platform,
  /** Thousandths of a cent: the store holds whole numbers. */
  millicents_per_hour: z.int(),
});

const rowSchema = z.strictObject({
  rev: z.int(),
  build_id: buildIdField,
  retry_of: buildIdField.nullable(),
  ...buildKeySchema.shape,
  may_pull: z.array(imageRepositoryField),
  tenant: z.string(),
  tier: tierSchema,
  ttl_s: z.int(),
  authorized_key: z.string(),
  host_key: z.string(),
  state: leaseStateSchema,
  created_at: secondsField,
  expires_at: secondsField,
  attempts: z.int(),
  is_unsure: z.boolean(),
  attempt_at: secondsField.nullable(),
  offer: offerSchema.nullable(),
  image: z.string().nullable(),
  server_id: z.string().nullable(),
  address: z.strictObject({ host: z.string(), port: z.int(), user: z.string() }).nullable(),
  booting_at: secondsField.nullable(),
  ready_at: secondsField.nullable(),
  ended_at: secondsField.nullable(),
  end: z.strictObject({ code: z.string().nullable(), why: z.string(), failed: z.boolean() }).nullable(),
});

export function leaseDocument(lease: LeaseRecord, rev: number): Document {
  return {
    ...{ rev, build_id: lease.buildId, retry_of: lease.retryOf ?? null, ...lease.key, tenant: lease.tenant, tier: lease.tier },
    may_pull: [...lease.mayPull],
    ...{ ttl_s: lease.ttlS, authorized_key: lease.authorizedKey, host_key: lease.hostKey, state: lease.state },
    ...{ created_at: lease.createdAtS, expires_at: lease.expiresAtS, attempts: lease.attempts, is_unsure: lease.isUnsure },
    ...{ attempt_at: lease.attemptAtS ?? null, offer: offerDocument(lease.offer), image: lease.image ?? null },
    ...{ server_id: lease.serverId ?? null, address: lease.address === undefined ? null : { ...lease.address } },
    ...{ booting_at: lease.bootingAtS ?? null, ready_at: lease.readyAtS ?? null, ended_at: lease.endedAtS ?? null },
    end: lease.end === undefined ? null : { code: lease.end.code ?? null, why: lease.end.why, failed: lease.end.failed },
  };
}

function offerDocument(offer: Offer | undefined): Document | null {
  if (offer === undefined) return null;
  const { type, location, cpus, memoryMib, platform, centsPerHour } = offer;
  return { type, location, cpus, memory_mib: memoryMib, platform, millicents_per_hour: Math.ceil(centsPerHour * 1000) };
}

export interface StoredLease {
  readonly lease: LeaseRecord;
  readonly rev: number;
}

/** Throws `unavailable` for a row that no pool wrote. */
export function storedLease(id: string, document: Document): StoredLease {
  const parsed = rowSchema.safeParse(document);
  if (!parsed.success || !leaseIdField.safeParse(id).success)
    throw new TriplaneError("unavailable", `the row of ${id.slice(0, 60)} is not one of a lease: ${parsed.error?.message ?? "its id"}`);
  const row = parsed.data;
  const { offer, end } = row;
  const lease: LeaseRecord = {
    ...{ id, buildId: row.build_id, retryOf: row.retry_of ?? undefined, tenant: row.tenant, tier: row.tier, ttlS: row.ttl_s },
    key: { repo: row.repo, target: row.target, platform: row.platform },
    mayPull: row.may_pull,
    ...{ authorizedKey: row.authorized_key, hostKey: row.host_key, state: row.state },
    ...{ createdAtS: row.created_at, expiresAtS: row.expires_at, attempts: row.attempts, isUnsure: row.is_unsure },
    attemptAtS: row.attempt_at ?? undefined,
    offer: offer === null ? undefined : offerOf(offer),
    image: row.image ?? undefined,
    serverId: row.server_id ?? undefined,
    address: row.address ?? undefined,
    bootingAtS: row.booting_at ?? undefined,
    readyAtS: row.ready_at ?? undefined,
    endedAtS: row.ended_at ?? undefined,
    end: end === null ? undefined : { code: codeOf(end.code), why: end.why, failed: end.failed },
  };
  return { lease, rev: row.rev };
}

function offerOf({ memory_mib, millicents_per_hour, ...same }: z.infer<typeof offerSchema>): Offer {
  return { ...same, memoryMib: memory_mib, centsPerHour: millicents_per_hour / 1000 };
}

function codeOf(code: string | null): FailureCode | undefined {
  if (code === null) return undefined;
  return isFailureCode(code) ? code : "internal";
}

/** The write that makes a stored lease what it is to be. */
export function replaceLease(lease: LeaseRecord, rev: number): Write {
  return { kind: "replace", table: "leases", id: lease.id, document: leaseDocument(lease, rev + 1), expect: { rev } };
}

export function createLease(lease: LeaseRecord): Write {
  return { kind: "create", table: "leases", id: lease.id, document: leaseDocument(lease, 1) };
}

export async function listLeases(store: Store, where: Document): Promise<readonly StoredLease[]> {
  const rows = await store.list("leases", { where });
  return rows.map(({ id, document }) => storedLease(id, document));
}

export async function readLease(store: Store, id: string): Promise<StoredLease | undefined> {
  const document = await store.get("leases", id);
  return document === undefined ? undefined : storedLease(id, document);
}
