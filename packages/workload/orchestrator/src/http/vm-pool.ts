// The vm-pool's routes: requests in, the pool's answers out.
import { buildMetricsSchema, leaseIdField, sizingQuerySchema, spawnRequestSchema, TriplaneError } from "@triplane/contract";
import type { VmPool } from "@triplane/vm-pool";
import type { Context } from "hono";
import type { RouteHandling } from "./app.ts";
import { body, checked, measurements } from "./requests.ts";
import { ROUTES } from "./routes.ts";

export type PoolOfApp = Pick<VmPool, "spawn" | "lease" | "release" | "heartbeat" | "list" | "report" | "sizing">;

export function vmPoolRoutes(on: RouteHandling, pool: PoolOfApp | undefined): void {
  const there = (): PoolOfApp => {
    if (pool === undefined) throw new TriplaneError("pool_off", "this orchestrator was started without a provider of machines");
    return pool;
  };
  const idOf = (context: Context): string => checked(leaseIdField, context.req.param("lease_id"), "lease_id");

  on(ROUTES.leases, (context) => context.json(there().list()));
  on(ROUTES.spawn, async (context) => {
    const { lease, created } = await there().spawn(await body(context, spawnRequestSchema));
    return context.json(lease, created ? 201 : 200);
  });
  on(ROUTES.buildMetrics, async (context) => {
    await there().report(await measurements(context, buildMetricsSchema));
    return context.body(null, 204);
  });
  // Before the routes of one lease: `sizing` is no lease.
  on(ROUTES.sizing, async (context) => context.json(await there().sizing(checked(sizingQuerySchema, context.req.query(), "query"))));
  on(ROUTES.lease, async (context, caller) => context.json(await there().lease(idOf(context), caller.scopes.includes("vm-pool:spawn"))));
  on(ROUTES.release, async (context) => context.json(await there().release(idOf(context))));
  on(ROUTES.heartbeat, async (context) => context.json(await there().heartbeat(idOf(context))));
}
