// What the pool wants of the world beside a provider.
import type { Clock, FailureCode, LeaseState, Random, RegistryAccess } from "@triplane/contract";
import type { Store } from "@triplane/store";
import type { LeaseRecord } from "./engine/lease.ts";
import type { PoolSettings } from "./engine/settings.ts";
import type { Provider, Server } from "./provider.ts";

/** Whether what answers at an address is the runner: its port is open and it shows this host key. Never throws. */
export type RunnerProbe = (address: NonNullable<Server["address"]>, hostKey: string, signal: AbortSignal) => Promise<ProbeResult>;
export type ProbeResult = "ready" | "not-yet" | "wrong-key";

/** The registry token of a lease that is ready; undefined where there is no registry. */
export type RegistryAccessOf = (lease: LeaseRecord, nowS: number) => RegistryAccess | undefined;

/** Told of what happens, for metrics and logs. */
export interface PoolObserver {
  /** How many leases are in each state now. */
  leases(byState: Readonly<Record<LeaseState, number>>): void;
  /** After each pass of the reaper: runners beside those of live leases, and all that have the pool's label. */
  orphans(count: number, runners: number): void;
  spawned(seconds: number): void;
  /** A lease ended, and what it has cost; undefined where nothing is billed. */
  ended(lease: LeaseRecord, cents: number | undefined): void;
  reaped(serverId: string, why: string): void;
  /** A call of the provider failed; the pool goes on. */
  providerFailed(call: string, code: FailureCode, message: string): void;
}

export interface PoolParts {
  readonly provider: Provider;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly probe: RunnerProbe;
  readonly settings: PoolSettings;
  /** POOL_SECRET_BYTES bytes: host keys are derived from it. */
  readonly secret: Uint8Array;
  readonly registryAccess?: RegistryAccessOf;
  readonly observer: PoolObserver;
}
