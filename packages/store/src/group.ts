// Commits and reads that were asked for at the same time share one trip to the database: a trip costs more than what it carries.
import { MAX_GROUP_BYTES, MAX_GROUP_WRITES } from "./limits.ts";
import type { Write } from "./types.ts";

export interface GroupMember {
  readonly writes: readonly Write[];
  readonly sizeBytes: number;
}

/**
 * How many of those that wait, in their order, can be one transaction. No two of them write the same document: each could be the
 * first, and what one of them expects does not hang on another.
 */
export function groupSize(waiting: readonly GroupMember[]): number {
  const touched = new Set<string>();
  let writes = 0;
  let sizeBytes = 0;
  for (const [index, member] of waiting.entries()) {
    writes += member.writes.length;
    sizeBytes += member.sizeBytes;
    const names = member.writes.map(({ table, id }) => `${table}:${id}`);
    if (index > 0 && (writes > MAX_GROUP_WRITES || sizeBytes > MAX_GROUP_BYTES || names.some((name) => touched.has(name)))) return index;
    for (const name of names) touched.add(name);
  }
  return waiting.length;
}
