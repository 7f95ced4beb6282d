// What the pool tells people: metrics and logs.
import { LEASE_STATES } from "@triplane/contract";
import type { Logger, Metrics } from "@triplane/kit";
import type { PoolObserver } from "./ports.ts";

export function poolObserver(metrics: Metrics, logger: Logger): PoolObserver {
  const leases = metrics.gauge("vm_pool_leases");
  const orphans = metrics.gauge("vm_pool_orphans");
  const runners = metrics.gauge("vm_pool_runners");
  const spawnSeconds = metrics.histogram("vm_pool_spawn_seconds");
  const endings = metrics.counter("vm_pool_leases_ended_total");
  const cost = metrics.counter("vm_pool_cost_cents_total");
  const reaped = metrics.counter("vm_pool_reaped_total");
  const failures = metrics.counter("vm_pool_provider_failures_total");
  return {
    leases: (byState) => {
      for (const state of LEASE_STATES) if (state !== "gone" && state !== "failed") leases.set(byState[state], { state });
    },
    orphans: (count, all) => {
      runners.set(all);
      orphans.set(count);
      if (count > 0) logger.warn({ orphans: count }, "runners without a live lease");
    },
    spawned: (seconds) => spawnSeconds.observe(seconds),
    ended: (lease, cents) => {
      if (cents !== undefined) cost.add({ tenant: lease.tenant }, cents);
      endings.add({ state: lease.state, code: lease.end?.code ?? "" });
      logger.info(
        { lease: lease.id, build: lease.buildId, state: lease.state, code: lease.end?.code, why: lease.end?.why },
        "a lease ended",
      );
    },
    reaped: (server, why) => {
      reaped.add();
      logger.warn({ server, why }, "the reaper destroyed a runner");
    },
    providerFailed: (call, code, message) => {
      failures.add({ call, code });
      logger.warn({ call, code, reason: message }, "the provider failed");
    },
  };
}
