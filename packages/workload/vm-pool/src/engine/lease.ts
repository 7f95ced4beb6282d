// A lease as the pool keeps it: what is on disk before anything is asked of the provider.
//
// 1. `isUnsure` is stored before a create is sent: whoever finds it so looks the server up by its name before asking again.
// 2. A lease that ended never comes back; one that is being released is only ever released.
import type { BuildKey, FailureCode, LeaseState, Tier } from "@triplane/contract";
import type { Offer, Server } from "../provider.ts";

/** Why a lease is over, or will be when its runner is gone. */
export interface LeaseEnd {
  /** Undefined where its holder gave it back. */
  readonly code: FailureCode | undefined;
  readonly why: string;
  /** It never got ready, or its runner was lost. */
  readonly failed: boolean;
}

export interface LeaseRecord {
  /** Also the name of its server. */
  readonly id: string;
  readonly buildId: string;
  /** The build whose run ended for want of memory, where this is its one retry (`oom-retry-bounded`). */
  readonly retryOf: string | undefined;
  readonly key: BuildKey;
  /** Repositories of other builds that its registry token may pull. */
  readonly mayPull: readonly string[];
  readonly tenant: string;
  /** As asked; its memory is the least that will do. */
  readonly tier: Tier;
  readonly ttlS: number;
  readonly authorizedKey: string;
  /** Public half: what the runner has to show. */
  readonly hostKey: string;
  readonly state: LeaseState;
  readonly createdAtS: number;
  readonly expiresAtS: number;
  /** Creates that were begun. */
  readonly attempts: number;
  /** A create was begun and what it did is not known. */
  readonly isUnsure: boolean;
  /** When the last create was begun that may have made something. */
  readonly attemptAtS: number | undefined;
  /** Of the last attempt; before the first, the cheapest that will do. */
  readonly offer: Offer | undefined;
  readonly image: string | undefined;
  readonly serverId: string | undefined;
  readonly address: Server["address"];
  readonly bootingAtS: number | undefined;
  readonly readyAtS: number | undefined;
  readonly endedAtS: number | undefined;
  readonly end: LeaseEnd | undefined;
}

/** What is fixed when a lease is intended. */
export interface LeaseTerms
  extends Pick<LeaseRecord, "id" | "buildId" | "retryOf" | "key" | "mayPull" | "tenant" | "tier" | "ttlS" | "authorizedKey" | "hostKey"> {
  readonly offer: Offer;
}

/** A lease whose intent is about to be stored. */
export function newLease(terms: LeaseTerms, nowS: number): LeaseRecord {
  return {
    ...terms,
    ...{ state: "creating", createdAtS: nowS, expiresAtS: nowS + terms.ttlS, attempts: 0, isUnsure: false },
    ...{ attemptAtS: undefined, image: undefined, serverId: undefined, address: undefined },
    ...{ bootingAtS: undefined, readyAtS: undefined, endedAtS: undefined, end: undefined },
  };
}

/** Whether it is over: no server is looked for any more, but by the reaper. */
export function isEnded({ state }: Pick<LeaseRecord, "state">): boolean {
  return state === "gone" || state === "failed";
}
