// Failures of the vm-pool: what it refuses, and why leases end.
import type { FailureEntry } from "./entry.ts";

export const POOL_FAILURES = {
  pool_off: {
    httpStatus: 503,
    retry: "no",
    what: "This orchestrator has no provider of machines.",
    hint: "Start it with --vm-pool-provider, or ask the orchestrator that has one.",
  },
  pool_full: {
    httpStatus: 429,
    retry: "later",
    what: "As many leases are live as the pool, or the tenant, may have.",
    hint: "Wait until one ends; `triplane build leases` shows them. The limits are the orchestrator's options.",
  },
  pool_cost_limit: {
    httpStatus: 409,
    retry: "no",
    what: "The tenant's money for this month does not pay for the lease.",
    hint: "Ask for a smaller tier or a shorter time, or raise the limit.",
  },
  tier_not_offered: {
    httpStatus: 409,
    retry: "no",
    what: "The provider has no type of machine with the memory that was asked for.",
    hint: "Ask for a smaller tier, or allow more types and places in the provider's settings.",
  },
  runner_not_allowed: {
    httpStatus: 409,
    retry: "no",
    what: "The workspace's component buildkit-runner allows no runner so large, or for so long, or its settings do not read.",
    hint: "Ask for a smaller tier or a shorter time, or change the component's settings by an op.",
  },
  golden_image_missing: {
    httpStatus: 503,
    retry: "no",
    what: "The provider has no golden image with the pool's labels for this platform.",
    hint: "Build one and promote it, or look at the labels in the orchestrator's options.",
  },
  golden_image_old: {
    httpStatus: 503,
    retry: "no",
    what: "The golden image is too old for new runners.",
    hint: "Build a new one and promote it.",
  },
  lease_unknown: {
    httpStatus: 404,
    retry: "no",
    what: "The pool has no such lease.",
    hint: "Check the id; leases that are over are forgotten after two months.",
  },
  build_id_taken: {
    httpStatus: 409,
    retry: "no",
    what: "Another request has had a lease under this build id.",
    hint: "Give each run of a build an id of its own.",
  },
  retry_refused: {
    httpStatus: 409,
    retry: "no",
    what: "A build that ran out of memory is retried at most once, one tier up.",
    hint: "Start a new build with a size that says what it needs.",
  },
  lease_expired: {
    httpStatus: 409,
    retry: "no",
    what: "The lease's time was over.",
    hint: "Ask for a longer time.",
  },
  lease_abandoned: {
    httpStatus: 409,
    retry: "no",
    what: "The lease's holder did not show for three heartbeats.",
    hint: "Its launcher died or lost the orchestrator; start the build again.",
  },
  runner_lost: {
    httpStatus: 502,
    retry: "later",
    what: "The provider no longer has the runner of a live lease.",
    hint: "Somebody destroyed it, or it ended itself; start the build again.",
  },
} as const satisfies Record<string, FailureEntry>;
