// What the pool tells people: metrics and logs.
import { LEASE_STATES } from "@triplane/contract";
import type { Logger, Metrics } from "@triplane/kit";
import type { PoolObserver } from "./ports.ts";

const SPAWN_BUCKETS = [1, 2, 5, 10, 20, 30, 60, 90, 120, 180, 300, 600];

export function poolObserver(metrics: Metrics, logger: Logger): PoolObserver {
  const leases = metrics.gauge("vm_pool_leases", "Leases that are not over, by state.", ["state"]);
  const orphans = metrics.gauge("vm_pool_orphans", "Runners by label beside those of live leases, at the reaper's last pass; normally 0.");
  const runners = metrics.gauge("vm_pool_runners", "Runners by label, at the reaper's last pass.");
  const spawnSeconds = metrics.histogram("vm_pool_spawn_seconds", "From the request to a runner that is ready.", SPAWN_BUCKETS);
  const endings = metrics.counter("vm_pool_leases_ended_total", "Leases that ended, by state and code.", ["state", "code"]);
  const reaped = metrics.counter("vm_pool_reaped_total", "Runners that the reaper destroyed.");
  const failures = metrics.counter("vm_pool_provider_failures_total", "Calls of the provider that failed.", ["call", "code"]);
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
    ended: (lease) => {
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
