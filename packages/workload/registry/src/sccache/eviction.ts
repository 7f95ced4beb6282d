// Which objects go when the cache is full: those that nobody asked for longest.

export interface StoredObject {
  readonly path: string;
  readonly sizeBytes: number;
  /** When it was last written or asked for, milliseconds since 1970. */
  readonly usedAtMs: number;
}

/** Room is made down to this part of the limit, so that not every write makes room. */
const DOWN_TO = 0.9;

/** The objects to remove, oldest first; none while their sum is within `maxBytes`. */
export function evictions(objects: readonly StoredObject[], maxBytes: number): StoredObject[] {
  let sumBytes = objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (sumBytes <= maxBytes) return [];
  const oldestFirst = [...objects].sort((a, b) => a.usedAtMs - b.usedAtMs);
  const gone: StoredObject[] = [];
  for (const each of oldestFirst) {
    if (sumBytes <= maxBytes * DOWN_TO) break;
    sumBytes -= each.sizeBytes;
    gone.push(each);
  }
  return gone;
}
