// External programs: which ones, where they are, how they are fetched.
export * from "./find.ts";
export * from "./manifest.ts";
export * from "./version.ts";
