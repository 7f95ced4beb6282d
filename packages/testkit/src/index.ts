// The public names of the testkit. Only tests import it.
export * from "./builders.ts";
export * from "./bus-contract.ts";
export * from "./clock.ts";
export * from "./decisions.ts";
export * from "./eventually.ts";
export * from "./faults/orders.ts";
export * from "./folders.ts";
export * from "./ledger-writer-contract.ts";
export * from "./nats-server.ts";
export * from "./random.ts";
export * from "./simulated/index.ts";
export * from "./tools.ts";
export * from "./trace-collector.ts";
export * from "./watching-stack.ts";
