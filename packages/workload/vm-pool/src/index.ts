// The public names of the vm-pool.
export * from "./golden.ts";
export * from "./host-key.ts";
export * from "./provider.ts";
