// How patient the pool is, and how much it may have at once. Times in seconds.

export interface PoolLimits {
  /** Leases that hold, or may hold, a runner. */
  readonly leases: number;
  readonly leasesPerTenant: number;
  /** Of one tenant in a calendar month (UTC), what live leases may still cost included; undefined = no limit. */
  readonly centsPerTenantMonth: number | undefined;
}

export interface PoolSettings {
  /** Which pool: the label on every server. */
  readonly pool: string;
  readonly limits: PoolLimits;
  /** Labels of the golden image that runners are made from. */
  readonly golden: Readonly<Record<string, string>>;
  readonly heartbeatS: number;
  /** From the intent to a server: later the lease fails. */
  readonly createWithinS: number;
  /** From the server to a runner that is ready: later the lease fails. */
  readonly bootWithinS: number;
  /** How long a create whose answer was lost is awaited before its lease is over. */
  readonly lateCreateS: number;
  /** How long an offer that could not be had is left out. */
  readonly unavailableForS: number;
  readonly reapEveryS: number;
  /** How long a server that no lease knows is left alone. */
  readonly orphanGraceS: number;
  /** Between two looks at a runner that boots. */
  readonly probeEveryS: number;
  /** Longest wait after failures that follow one another. */
  readonly maxBackoffS: number;
}

export const MISSED_HEARTBEATS = 3;

export const DEFAULT_SETTINGS: Omit<PoolSettings, "pool" | "limits" | "golden"> = {
  heartbeatS: 15,
  createWithinS: 300,
  bootWithinS: 300,
  lateCreateS: 60,
  unavailableForS: 300,
  reapEveryS: 60,
  orphanGraceS: 120,
  probeEveryS: 2,
  maxBackoffS: 60,
};
