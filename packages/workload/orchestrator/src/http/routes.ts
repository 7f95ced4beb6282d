// The API as data: from this table come the handlers' paths and scopes and the OpenAPI document.
import {
  applyRequestSchema,
  applyResultSchema,
  buildMetricsSchema,
  jtiField,
  leaseIdField,
  leaseListSchema,
  leaseSchema,
  planRequestSchema,
  planSchema,
  sizingQuerySchema,
  sizingSchema,
  spawnRequestSchema,
  targetField,
  targetStateSchema,
  workspaceStateSchema,
} from "@triplane/contract";
import type { z } from "zod";
import type { TokenScope } from "./tokens.ts";

export interface RouteSpec {
  readonly method: "get" | "post" | "delete";
  /** With OpenAPI's braces. */
  readonly path: string;
  readonly summary: string;
  readonly scope: TokenScope;
  readonly parameters: Readonly<Record<string, z.ZodType>>;
  readonly query?: z.ZodObject;
  readonly request?: z.ZodType;
  /** A stream of server-sent events, or status 204. */
  readonly response: z.ZodType | "events" | "nothing";
  /** Whether 201 says that something was made, and 200 that it was there. */
  readonly creates?: true;
  /** Codes beside those that every route has. */
  readonly failures: readonly string[];
}

const BASE = "/api/v1/workspaces/{ws}";
const POOL = "/api/v1/vm-pool";

export const ROUTES = {
  workspace: {
    method: "get",
    path: BASE,
    summary: "All targets with their versions, states and health, and the workspace's revision.",
    scope: "state:read",
    parameters: {},
    response: workspaceStateSchema,
    failures: [],
  },
  target: {
    method: "get",
    path: `${BASE}/targets/{target}`,
    summary: "One target; version 0 where it never existed.",
    scope: "state:read",
    parameters: { target: targetField },
    response: targetStateSchema,
    failures: [],
  },
  plan: {
    method: "post",
    path: `${BASE}/plan`,
    summary: "What an op would do now, and the digest that its signers sign. Changes nothing.",
    scope: "plan",
    parameters: {},
    request: planRequestSchema,
    response: planSchema,
    failures: ["kind_unknown", "args_invalid", "target_unknown", "quorum_not_reached"],
  },
  apply: {
    method: "post",
    path: `${BASE}/ops`,
    summary:
      "Applies an op once. The same jti again gets the first result. An op that cannot be applied has a result, too; after a while the answer is `running`.",
    scope: "apply",
    parameters: {},
    request: applyRequestSchema,
    response: applyResultSchema,
    failures: ["fencing_stale", "state_lost", "jti_reused"],
  },
  op: {
    method: "get",
    path: `${BASE}/ops/{jti}`,
    summary: "What became of an op.",
    scope: "state:read",
    parameters: { jti: jtiField },
    response: applyResultSchema,
    failures: ["op_unknown"],
  },
  events: {
    method: "get",
    path: `${BASE}/events`,
    summary:
      "Server-sent events from now on, or from after the header Last-Event-ID on. An event `missing` says how many are no longer kept.",
    scope: "state:read",
    parameters: {},
    response: "events",
    failures: [],
  },
  leases: {
    method: "get",
    path: POOL,
    summary: "Leases that are not over, and how many runners the provider has beside theirs.",
    scope: "vm-pool:read",
    parameters: {},
    response: leaseListSchema,
    failures: ["pool_off"],
  },
  spawn: {
    method: "post",
    path: `${POOL}/spawn`,
    summary:
      "Leases a machine for a build: 201 with the new lease, or 200 with the one that this build_id has. The lease is to be polled until it is `ready`.",
    scope: "vm-pool:spawn",
    parameters: {},
    request: spawnRequestSchema,
    response: leaseSchema,
    creates: true,
    failures: [
      ...([
        "pool_off",
        "pool_full",
        "pool_cost_limit",
        "tier_not_offered",
        "runner_not_allowed",
        "golden_image_missing",
        "golden_image_old",
      ] as const),
      ...(["build_id_taken", "retry_refused", "provider_busy", "provider_denied", "provider_failed"] as const),
    ],
  },
  buildMetrics: {
    method: "post",
    path: `${POOL}/metrics`,
    summary: "What a run on a runner needed; the first report of a lease stays. Numbers may have fractions.",
    scope: "vm-pool:spawn",
    parameters: {},
    request: buildMetricsSchema,
    response: "nothing",
    failures: ["pool_off", "lease_unknown"],
  },
  sizing: {
    method: "get",
    path: `${POOL}/sizing`,
    summary: "The tier that a build should ask for, and why: from past runs, or from its language.",
    scope: "vm-pool:read",
    parameters: {},
    query: sizingQuerySchema,
    response: sizingSchema,
    failures: ["pool_off"],
  },
  lease: {
    method: "get",
    path: `${POOL}/{lease_id}`,
    summary: "One lease, also one that is over. The registry token is only in answers to callers who may spawn.",
    scope: "vm-pool:read",
    parameters: { lease_id: leaseIdField },
    response: leaseSchema,
    failures: ["pool_off", "lease_unknown"],
  },
  release: {
    method: "delete",
    path: `${POOL}/{lease_id}`,
    summary: "Gives a lease back; its runner is destroyed. Idempotent, also for a lease that is over.",
    scope: "vm-pool:spawn",
    parameters: { lease_id: leaseIdField },
    response: leaseSchema,
    failures: ["pool_off", "lease_unknown"],
  },
  heartbeat: {
    method: "post",
    path: `${POOL}/{lease_id}/heartbeat`,
    summary: "Says that the holder of a lease is there. The answer says whether the lease still is.",
    scope: "vm-pool:spawn",
    parameters: { lease_id: leaseIdField },
    response: leaseSchema,
    failures: ["pool_off", "lease_unknown"],
  },
} as const satisfies Readonly<Record<string, RouteSpec>>;

/** The path as Hono writes it. */
export function honoPath(route: RouteSpec): string {
  return route.path.replaceAll(/\{([a-z_]+)\}/g, ":$1");
}
