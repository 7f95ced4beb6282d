// The vm-pool's HTTP API as its callers see it: schemas of /api/v1/vm-pool/… at the orchestrator.
//
//   POST   spawn              SpawnRequest → 201 Lease (new) or 200 Lease (the same build_id again)
//   GET    {lease_id}         Lease
//   DELETE {lease_id}         Lease; idempotent, also for a lease that is gone
//   POST   {lease_id}/heartbeat  Lease
//   GET    (root)             LeaseList
//   POST   metrics            BuildMetrics → 204
//   GET    sizing             SizingQuery as query parameters → Sizing
import { z } from "zod";
import { secondsField } from "./objects/claims.ts";

/** Logical sizes. Names are those of a product line that is sold no more; a provider resolves them to what it has. Ascending. */
export const TIERS = ["cx22", "cx32", "cx42", "cx52"] as const;
export const tierSchema = z.enum(TIERS);
export type Tier = z.infer<typeof tierSchema>;

/** What a tier promises at least. Memory in MiB. */
export const TIER_SIZES: Readonly<Record<Tier, { readonly cpus: number; readonly memoryMib: number }>> = {
  cx22: { cpus: 2, memoryMib: 4096 },
  cx32: { cpus: 4, memoryMib: 8192 },
  cx42: { cpus: 8, memoryMib: 16384 },
  cx52: { cpus: 16, memoryMib: 32768 },
};

/** The next larger tier, or undefined at the top. */
export function tierAbove(tier: Tier): Tier | undefined {
  return TIERS[TIERS.indexOf(tier) + 1];
}

/** `lease-` and a UUIDv7 without hyphens: sortable by time, and a host name (RFC 1123), so that a runner is named after its lease. */
export const LEASE_ID_PATTERN: RegExp = /^lease-[0-9a-f]{32}$/;
export const leaseIdField = z.string().regex(LEASE_ID_PATTERN);

/** `org/name`, lower case; also a repository below `images/` and `cache/` in the registry. */
export const repoField = z
  .string()
  .max(200)
  .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-][a-z0-9]+)*)*$/);

/** A repository of images in the registry: `images/` and a `repoField`. */
export const imageRepositoryField = z
  .string()
  .max(207)
  .regex(/^images\/[a-z0-9]+(?:[._-][a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-][a-z0-9]+)*)*$/);

/** A build stage's name; "" is the last stage of the Dockerfile. */
export const buildTargetField = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9._-]*$/);

export const PLATFORMS = ["linux/amd64", "linux/arm64"] as const;
export const platformField = z.enum(PLATFORMS);
export type Platform = z.infer<typeof platformField>;

/** Of a caller's choice and unique for one run of one build: the same id again is the same lease. */
export const buildIdField = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);

/** What sizes are remembered by. */
export const buildKeySchema = z.strictObject({ repo: repoField, target: buildTargetField, platform: platformField });
export type BuildKey = z.infer<typeof buildKeySchema>;

export const spawnRequestSchema = z.strictObject({
  ...buildKeySchema.shape,
  build_id: buildIdField,
  tier: tierSchema,
  /** The lease ends then, whatever happens. Seconds. */
  ttl_s: z
    .int()
    .min(60)
    .max(24 * 3600),
  /** One line of OpenSSH: the only key that may log in. */
  ssh_public_key: z
    .string()
    .max(200)
    .regex(/^ssh-ed25519 [A-Za-z0-9+/]+=*$/),
  /** The build of which this is the one retry, because its run was out of memory: the pool refuses any but one, one tier up (`oom-retry-bounded`). */
  retry_of: buildIdField.optional(),
  /** Repositories of other builds that this one begins from, with their namespace: `images/acme/base`. Its registry token may pull them. */
  may_pull: z.array(imageRepositoryField).max(16).optional(),
  /** Whose limits on leases and cost count. */
  tenant: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,62})$/)
    .default("default"),
});
export type SpawnRequest = z.infer<typeof spawnRequestSchema>;

export const LEASE_STATES = ["creating", "booting", "ready", "releasing", "gone", "failed"] as const;
export const leaseStateSchema = z.enum(LEASE_STATES);
export type LeaseState = z.infer<typeof leaseStateSchema>;

/** A registry token that names exactly the repositories of its build and ends with the lease. */
export const registryAccessSchema = z.strictObject({
  /** Without scheme: `host:port`, as it stands in image names. */
  registry: z.string(),
  token: z.string(),
  repositories: z.array(z.string()),
  expires_at: secondsField,
});
export type RegistryAccess = z.infer<typeof registryAccessSchema>;

/** Members that appear with the state are absent before it: host, port, user and host_key with `ready`. */
export const leaseSchema = z.strictObject({
  lease_id: leaseIdField,
  build_id: buildIdField,
  retry_of: buildIdField.optional(),
  state: leaseStateSchema,
  ...buildKeySchema.shape,
  tenant: z.string(),
  /** What was asked for, and what it became where that was not to be had: never less. */
  tier: tierSchema,
  provider: z.string(),
  server_type: z.string().optional(),
  location: z.string().optional(),
  host: z.string().optional(),
  port: z.int().min(1).max(65535).optional(),
  user: z.string().optional(),
  /** `ssh-ed25519 AAAA…`, made by the pool and put into the runner: to be pinned (StrictHostKeyChecking=yes). */
  host_key: z.string().optional(),
  registry_access: registryAccessSchema.optional(),
  created_at: secondsField,
  ready_at: secondsField.optional(),
  ended_at: secondsField.optional(),
  expires_at: secondsField,
  /** A heartbeat is due within this many seconds; three that are missed end the lease. */
  heartbeat_s: z.int().min(1),
  /** Set where it failed, or was ended by something else than its holder. */
  code: z.string().optional(),
  why: z.string().optional(),
  /** Cents of the currency that the provider bills in, so far; absent where nothing is billed. */
  cost_cents: z.number().min(0).optional(),
});
export type Lease = z.infer<typeof leaseSchema>;

export const leaseListSchema = z.strictObject({
  leases: z.array(leaseSchema),
  /** Runners that the provider has beside those of live leases; 0 when all is well (`runner-always-destroyed`). */
  orphans: z.int().min(0),
});
export type LeaseList = z.infer<typeof leaseListSchema>;

export const BUILD_OUTCOMES = ["built", "failed", "oom", "disk-full", "cancelled", "infrastructure"] as const;

/** 64 TiB: more is no measurement. */
const MAX_MIB = 64 * 1024 * 1024;
/** Seconds of a phase: a day, the longest lease. */
const phaseField = z
  .number()
  .min(0)
  .max(24 * 3600);

/** What a launcher reports of one run on one runner. */
export const buildMetricsSchema = z.strictObject({
  ...buildKeySchema.shape,
  build_id: buildIdField,
  lease_id: leaseIdField,
  tier: tierSchema,
  outcome: z.enum(BUILD_OUTCOMES),
  /** anon + shmem + kernel of the build's cgroup, MiB; never the page cache. For `oom` it is a lower bound. Absent where it could not be read. */
  peak_memory_mib: z.number().min(0).max(MAX_MIB).optional(),
  /** How many kills the kernel counted. */
  oom_kills: z.int().min(0),
  seconds: z.strictObject({
    queued: phaseField,
    booting: phaseField,
    context: phaseField,
    build: phaseField,
    push: phaseField,
    cache: phaseField,
  }),
  cached_steps: z.int().min(0),
  steps: z.int().min(0),
  image_digest: z.string().max(200).optional(),
  finished_at: secondsField,
});
export type BuildMetrics = z.infer<typeof buildMetricsSchema>;

export const LANGUAGES = ["rust", "cpp", "java", "go", "node", "python", "other"] as const;
export const languageSchema = z.enum(LANGUAGES);
export type Language = z.infer<typeof languageSchema>;

/** Query of GET sizing: what decides where there is no history. */
export const sizingQuerySchema = z.strictObject({ ...buildKeySchema.shape, language: languageSchema.default("other") });
export type SizingQuery = z.infer<typeof sizingQuerySchema>;

export const sizingSchema = z.strictObject({
  ...buildKeySchema.shape,
  tier: tierSchema,
  source: z.enum(["history", "language"]),
  /** One line for people: why this tier. */
  reason: z.string(),
  /** p95 of the samples, MiB; absent without enough of them. */
  p95_mib: z.number().optional(),
  samples: z.array(z.strictObject({ finished_at: secondsField, tier: tierSchema, peak_memory_mib: z.number(), lower_bound: z.boolean() })),
});
export type Sizing = z.infer<typeof sizingSchema>;
