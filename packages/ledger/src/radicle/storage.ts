// Where a repository's objects are, given what a person names: a bare storage repository, a mirror clone or a working copy.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";

/** The git directory of a path. Throws `git_failed` where there is none. */
export async function gitDirOf(path: string): Promise<string> {
  if (await isFolder(join(path, "objects"))) return path;
  const inside = join(path, ".git");
  if (await isFolder(join(inside, "objects"))) return inside;
  throw new TriplaneError("git_failed", `${path} is not a git repository`);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
