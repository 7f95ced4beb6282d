// What tests of other rooms may use of this one's test help.
export * from "./provider-contract.ts";
export * from "./simulated-cloud.ts";
