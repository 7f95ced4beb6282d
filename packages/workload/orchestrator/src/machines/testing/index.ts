// What tests and benchmarks of other rooms may use of this one's test help.
export * from "./pool-daemon.ts";
export * from "./simulated-hcloud.ts";
