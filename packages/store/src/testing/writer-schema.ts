// Tables of the crash tests' writer.
import type { Migration } from "../types.ts";

export const WRITER_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    description: "pairs",
    tables: [
      { table: "firsts", indexes: ["number"] },
      { table: "seconds", indexes: ["number"] },
    ],
  },
];
