// Git plumbing as the ledger uses it.

export * from "./ancestry.ts";
export * from "./object-reader.ts";
export * from "./object-writer.ts";
export * from "./objects.ts";
export * from "./process.ts";
export * from "./refs.ts";
export * from "./tree-edit.ts";
