// The API as data: from this table come the handlers' paths and scopes and the OpenAPI document.
import {
  applyRequestSchema,
  applyResultSchema,
  jtiField,
  planRequestSchema,
  planSchema,
  targetField,
  targetStateSchema,
  workspaceStateSchema,
} from "@triplane/contract";
import type { z } from "zod";
import type { TokenScope } from "./tokens.ts";

export interface RouteSpec {
  readonly method: "get" | "post";
  /** With OpenAPI's braces. */
  readonly path: string;
  readonly summary: string;
  readonly scope: TokenScope;
  readonly parameters: Readonly<Record<string, z.ZodType>>;
  readonly request?: z.ZodType;
  /** Undefined: a stream of server-sent events. */
  readonly response: z.ZodType | undefined;
  /** Codes beside those that every route has. */
  readonly failures: readonly string[];
}

const BASE = "/api/v1/workspaces/{ws}";

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
    failures: ["fencing_stale", "jti_reused"],
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
    response: undefined,
    failures: [],
  },
} as const satisfies Readonly<Record<string, RouteSpec>>;

/** The path as Hono writes it. */
export function honoPath(route: RouteSpec): string {
  return route.path.replaceAll(/\{([a-z]+)\}/g, ":$1");
}
