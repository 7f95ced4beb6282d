// The public names of the vm-pool.
export { type ProbeTool, sshKeyscan } from "./adapters/ssh-keyscan.ts";
export type { LeaseRecord } from "./engine/lease.ts";
export { DEFAULT_SETTINGS, type PoolLimits, type PoolSettings } from "./engine/settings.ts";
export * from "./golden.ts";
export { type HostKey, hostKeyOf, POOL_SECRET_BYTES } from "./host-key.ts";
export { POOL_TABLES } from "./lease-rows.ts";
export { poolObserver } from "./observe.ts";
export { VmPool } from "./pool.ts";
export type { PoolObserver, PoolParts, ProbeResult, RegistryAccessOf, RunnerProbe } from "./ports.ts";
export * from "./provider.ts";
