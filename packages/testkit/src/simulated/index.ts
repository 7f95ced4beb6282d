// The simulated bus, store and ledger, and the virtual time in which they live.
export * from "./broker.ts";
export * from "./bus.ts";
export * from "./by-themselves.ts";
export * from "./dice.ts";
export * from "./faults.ts";
export * from "./ledger-writer.ts";
export * from "./scheduler.ts";
export * from "./store.ts";
export type { Delivery, Stored } from "./streams.ts";
export * from "./timers.ts";
