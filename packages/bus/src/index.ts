// The public names of the bus.
export { Backlog, type BacklogParts } from "./backlog.ts";
export { assertServerVersion, MIN_SERVER } from "./check.ts";
export * from "./identities.ts";
export { acquireLease, awaitLease, type LeaseHolder } from "./lease.ts";
export { type BusOptions, connectBus } from "./nats-bus.ts";
export * from "./nkeys.ts";
export { PendingLine, type PendingLineOptions, type TakeOptions } from "./pending-line.ts";
export * from "./provision.ts";
export * from "./server-config.ts";
export * from "./survey.ts";
export * from "./types.ts";
