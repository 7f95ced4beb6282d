// What a lease needs next, and what becomes of it by what happened. Pure: leases and times in, leases and steps out.
//
// 1. The intent is stored before the provider is called, and an unknown outcome is looked up by name before anything is asked again. `runner-always-destroyed`
// 2. A lease ends only when its server was destroyed, or when none came within the time in which a lost create may still arrive.
// 3. What arrives for a lease that is being released is destroyed, not used.
import type { FailureCode } from "@triplane/contract";
import type { Offer, Server } from "../provider.ts";
import { isEnded, type LeaseEnd, type LeaseRecord } from "./lease.ts";
import { MISSED_HEARTBEATS, type PoolSettings } from "./settings.ts";

export type Step =
  | { readonly do: "create" }
  /** Look the server up by its name. */
  | { readonly do: "look" }
  /** Look whether it runs and shows its host key. */
  | { readonly do: "probe" }
  | { readonly do: "destroy"; readonly serverId: string }
  /** Nothing can be left of it: it is over. */
  | { readonly do: "end" }
  /** It is to be released, by the pool's own decision. */
  | { readonly do: "release"; readonly end: LeaseEnd };

/** The next step, or undefined where there is nothing to do now. `heartbeatAtS`: the last sign of its holder, or the pool's own start. */
export function nextStep(lease: LeaseRecord, heartbeatAtS: number, nowS: number, settings: PoolSettings): Step | undefined {
  switch (lease.state) {
    case "creating":
    case "booting":
    case "ready": {
      const end = endOf(lease, heartbeatAtS, nowS, settings);
      if (end !== undefined) return { do: "release", end };
      if (lease.state === "creating") return { do: lease.isUnsure ? "look" : "create" };
      return lease.state === "booting" ? { do: "probe" } : undefined;
    }
    case "releasing":
      if (lease.serverId !== undefined) return { do: "destroy", serverId: lease.serverId };
      return { do: lease.isUnsure || mayStillCome(lease, nowS, settings) ? "look" : "end" };
    case "gone":
    case "failed":
      return undefined;
  }
}

function endOf(lease: LeaseRecord, heartbeatAtS: number, nowS: number, settings: PoolSettings): LeaseEnd | undefined {
  const isReady = lease.state === "ready";
  if (isExpired(lease, nowS)) return expired(lease);
  if (lease.state === "creating" && nowS >= lease.createdAtS + settings.createWithinS)
    return { code: "runner_not_ready", why: `no server could be had within ${settings.createWithinS} s`, failed: true };
  if (lease.state === "booting" && nowS >= (lease.bootingAtS ?? lease.createdAtS) + settings.bootWithinS)
    return { code: "runner_not_ready", why: `it was not ready ${settings.bootWithinS} s after it was made`, failed: true };
  const silentS = nowS - heartbeatAtS;
  if (isReady && silentS > MISSED_HEARTBEATS * settings.heartbeatS)
    return { code: "lease_abandoned", why: `no heartbeat for ${silentS} s`, failed: false };
  return undefined;
}

function isExpired({ expiresAtS }: LeaseRecord, nowS: number): boolean {
  return nowS >= expiresAtS;
}

function expired({ state, ttlS }: LeaseRecord): LeaseEnd {
  return { code: "lease_expired", why: `its time of ${ttlS} s is over`, failed: state !== "ready" };
}

/** As it stands now: the runner of a lease whose time is over ends itself, which may be seen before the pool has taken its next step. */
export function asOf(lease: LeaseRecord, nowS: number): LeaseRecord {
  return isExpired(lease, nowS) ? released(lease, expired(lease)) : lease;
}

/** Before a create is sent. */
export function withAttempt(lease: LeaseRecord, offer: Offer, image: string, nowS: number): LeaseRecord {
  return { ...lease, offer, image, attempts: lease.attempts + 1, attemptAtS: nowS, isUnsure: true };
}

/** The create certainly made nothing. */
export function withoutServer(lease: LeaseRecord): LeaseRecord {
  return { ...lease, isUnsure: false, attemptAtS: undefined };
}

/** The server of the lease is known: made, or found under its name. `offer`: what it is, where an earlier attempt than the last one made it. */
export function withServer(lease: LeaseRecord, server: Server, nowS: number, offer = lease.offer): LeaseRecord {
  if (isEnded(lease)) return lease;
  const known = { ...lease, offer, isUnsure: false, serverId: server.id, bootingAtS: lease.bootingAtS ?? nowS };
  return lease.state === "creating" ? { ...known, state: "booting" } : known;
}

/** Looked up by name, and not there. A create may still be on its way for a while. */
export function notFound(lease: LeaseRecord, nowS: number, settings: PoolSettings): LeaseRecord {
  // While the lease is wanted, asking again is safe: of two of one name the provider makes one.
  if (lease.state === "creating") return { ...lease, isUnsure: false };
  return mayStillCome(lease, nowS, settings) ? lease : { ...lease, isUnsure: false };
}

/** A create whose outcome nobody knows may arrive late, also where its server was looked for already. */
function mayStillCome({ attemptAtS }: LeaseRecord, nowS: number, { lateCreateS }: PoolSettings): boolean {
  return attemptAtS !== undefined && nowS < attemptAtS + lateCreateS;
}

/** Runs, and shows its host key. */
export function withRunner(lease: LeaseRecord, address: NonNullable<Server["address"]>, nowS: number): LeaseRecord {
  return lease.state === "booting" ? { ...lease, state: "ready", address, readyAtS: nowS } : lease;
}

/** On its way out; the first reason stays. */
export function released(lease: LeaseRecord, end: LeaseEnd): LeaseRecord {
  return isEnded(lease) || lease.state === "releasing" ? lease : { ...lease, state: "releasing", end };
}

/** Nothing is left of it. */
export function ended(lease: LeaseRecord, nowS: number): LeaseRecord {
  if (lease.state !== "releasing") return lease;
  return { ...lease, state: lease.end?.failed === true ? "failed" : "gone", serverId: undefined, endedAtS: nowS };
}

export const GIVEN_BACK: LeaseEnd = { code: undefined, why: "given back by its holder", failed: false };

/** For a lease that can come to nothing. */
export function failedFor(code: FailureCode, why: string): LeaseEnd {
  return { code, why, failed: true };
}
