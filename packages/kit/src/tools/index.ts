// External programs: which ones, where they are, how they are fetched.
export * from "./doctor.ts";
export * from "./find.ts";
export * from "./install.ts";
export { INSTALL_LOCK, withLock } from "./lock.ts";
export * from "./manifest.ts";
export type { Platform, ToolSource } from "./sources/source.ts";
export * from "./version.ts";
