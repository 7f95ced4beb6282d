// Names the first path at which a commit's tree is not the tree that was derived.
import type { ObjectId, ObjectReader, ObjectWriter, TreeEntry } from "../git/index.ts";
import { decodeTree } from "../git/index.ts";

/** `derived` holds new objects of the expected tree; what it does not hold is in the repository. */
export async function firstDifference(
  objects: ObjectReader,
  derived: ObjectWriter,
  expected: ObjectId,
  actual: ObjectId,
  prefix = "",
): Promise<string> {
  const wanted = entriesByName(await readTree(objects, derived, expected));
  const found = entriesByName(await objects.tree(actual));
  for (const name of [...new Set([...wanted.keys(), ...found.keys()])].sort()) {
    const [want, have] = [wanted.get(name), found.get(name)];
    if (want?.id === have?.id && want?.mode === have?.mode) continue;
    const path = `${prefix}${name}`;
    if (want?.mode === "40000" && have?.mode === "40000") return firstDifference(objects, derived, want.id, have.id, `${path}/`);
    return path;
  }
  return prefix;
}

async function readTree(objects: ObjectReader, derived: ObjectWriter, id: ObjectId): Promise<readonly TreeEntry[]> {
  const pending = derived.pending(id);
  return pending === undefined ? objects.tree(id) : decodeTree(pending.body);
}

function entriesByName(entries: readonly TreeEntry[]): ReadonlyMap<string, TreeEntry> {
  return new Map(entries.map((entry) => [entry.name, entry]));
}
