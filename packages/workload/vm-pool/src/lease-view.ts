// A lease as callers see it.
import type { Lease, RegistryAccess } from "@triplane/contract";
import { ranOn } from "./engine/admission.ts";
import { costOf } from "./engine/cost.ts";
import type { LeaseRecord } from "./engine/lease.ts";
import type { Capabilities } from "./provider.ts";

export interface LeaseViewParts {
  readonly capabilities: Capabilities;
  readonly heartbeatS: number;
  readonly access: RegistryAccess | undefined;
}

export function leaseView(lease: LeaseRecord, nowS: number, { capabilities, heartbeatS, access }: LeaseViewParts): Lease {
  const { offer, address, end } = lease;
  const cost = costOf(lease, nowS, capabilities.billing);
  const isReady = lease.state === "ready" && address !== undefined;
  const hasServer = offer !== undefined && lease.bootingAtS !== undefined;
  return {
    ...{ lease_id: lease.id, build_id: lease.buildId, state: lease.state, ...lease.key, tenant: lease.tenant },
    ...{ tier: ranOn(lease), provider: capabilities.name },
    ...{ created_at: lease.createdAtS, expires_at: lease.expiresAtS, heartbeat_s: heartbeatS },
    ...(lease.retryOf === undefined ? {} : { retry_of: lease.retryOf }),
    ...(hasServer ? { server_type: offer.type, location: offer.location } : {}),
    ...(isReady ? { host: address.host, port: address.port, user: address.user, host_key: lease.hostKey } : {}),
    ...(isReady && access !== undefined ? { registry_access: access } : {}),
    ...(lease.readyAtS === undefined ? {} : { ready_at: lease.readyAtS }),
    ...(lease.endedAtS === undefined ? {} : { ended_at: lease.endedAtS }),
    ...(end?.code === undefined ? {} : { code: end.code, why: end.why }),
    ...(cost === undefined ? {} : { cost_cents: cost }),
  };
}
