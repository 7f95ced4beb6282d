// Ancestry by our own walk over commit objects: a commit-graph file, a graft or a shallow list in a clone proves nothing.
import { TriplaneError } from "@triplane/contract";
import type { ObjectReader } from "./object-reader.ts";
import type { ObjectId } from "./objects.ts";

const MAX_COMMITS = 1_000_000;

/** Whether `ancestor` is `descendant` or reachable from it by parents. */
export async function reaches(reader: ObjectReader, descendant: ObjectId, ancestor: ObjectId): Promise<boolean> {
  const seen = new Set<ObjectId>();
  let layer = [descendant];
  while (layer.length > 0) {
    const next: ObjectId[] = [];
    for (const id of layer) {
      if (id === ancestor) return true;
      if (seen.has(id)) continue;
      seen.add(id);
      next.push(...(await reader.commit(id)).parents);
    }
    if (seen.size > MAX_COMMITS) throw new TriplaneError("git_failed", `more than ${MAX_COMMITS} commits before ${descendant}`);
    layer = next;
  }
  return false;
}
