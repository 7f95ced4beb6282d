// The public names of the vm-pool.
export * from "./provider.ts";
