// Asks the pool whether a lease stands: GET /api/v1/vm-pool/{lease_id}.
import { LEASE_ID_PATTERN, leaseSchema, TriplaneError } from "@triplane/contract";
import type { LeaseStands } from "../tokens/leases.ts";

const DEADLINE_MS = 5_000;
/** In the others the runner is gone, or is being ended: it has nothing to push any more. */
const STANDING = ["creating", "booting", "ready"];

export interface PoolLeasesOptions {
  /** Of the orchestrator. */
  readonly url: string;
  readonly token: string;
}

export function poolLeases(options: PoolLeasesOptions): LeaseStands {
  return async (leaseId) => {
    if (!LEASE_ID_PATTERN.test(leaseId)) return false;
    let response: Response;
    try {
      response = await fetch(new URL(`/api/v1/vm-pool/${leaseId}`, options.url), {
        headers: { authorization: `Bearer ${options.token}` },
        redirect: "error",
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
    } catch (cause) {
      throw new TriplaneError("unavailable", "the pool does not answer, so that nobody knows which leases stand", { cause });
    }
    if (response.status === 404) {
      await response.body?.cancel();
      return false;
    }
    const lease = response.status === 200 ? leaseSchema.safeParse(await response.json().catch(() => undefined)) : undefined;
    if (lease?.success !== true) {
      if (!response.bodyUsed) await response.body?.cancel();
      throw new TriplaneError("unavailable", `the pool answered ${response.status} for a lease`);
    }
    return STANDING.includes(lease.data.state);
  };
}
