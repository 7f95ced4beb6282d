// Reads all files of a commit, and asks about ancestry: what readers of policy and desired state need.
import { TriplaneError } from "@triplane/contract";
import { type DecodedCommit, type ObjectId, type ObjectReader, openObjects, reaches } from "./git/index.ts";
import { gitDirOf } from "./radicle/storage.ts";

// Folders count as well: a few small trees that name each other can unfold into any number of paths.
const MAX_OBJECTS = 10_000;
const utf8 = new TextDecoder("utf-8", { fatal: true });

export interface ReadLimits {
  /** Sum of all files; more throws `git_failed`. */
  readonly maxBytes: number;
}

/** Path to text of every file of a commit, sorted by path. Throws `git_failed` for links, submodules and files that are not UTF-8. */
export async function readTreeFiles(repoDir: string, commit: ObjectId, limits: ReadLimits): Promise<ReadonlyMap<string, string>> {
  const objects = openObjects(await gitDirOf(repoDir));
  try {
    return await treeFiles(objects, commit, limits);
  } finally {
    objects.close();
  }
}

/** `readTreeFiles` with objects that are open already. */
export async function treeFiles(objects: ObjectReader, commit: ObjectId, limits: ReadLimits): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const budget = { bytes: limits.maxBytes, objects: MAX_OBJECTS };
  await readFolder(objects, (await objects.commit(commit)).tree, "", files, budget);
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function readFolder(
  objects: ObjectReader,
  tree: ObjectId,
  prefix: string,
  files: Map<string, string>,
  budget: { bytes: number; objects: number },
): Promise<void> {
  for (const entry of await objects.tree(tree)) {
    const path = `${prefix}${entry.name}`;
    budget.objects -= 1;
    if (budget.objects < 0) throw new TriplaneError("git_failed", `the tree has more than ${MAX_OBJECTS} files and folders`);
    if (entry.mode === "40000") {
      await readFolder(objects, entry.id, `${path}/`, files, budget);
      continue;
    }
    if (entry.mode !== "100644" && entry.mode !== "100755") throw new TriplaneError("git_failed", `${path} is a link or a submodule`);
    const bytes = await objects.blob(entry.id);
    budget.bytes -= bytes.length;
    if (budget.bytes < 0) throw new TriplaneError("git_failed", "the files are larger together than may be read");
    files.set(path, decode(path, bytes));
  }
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new TriplaneError("git_failed", `${path} is not UTF-8`, { cause });
  }
}

/** Whether commit `a` is `b` or comes before it. */
export async function isAncestor(repoDir: string, a: ObjectId, b: ObjectId): Promise<boolean> {
  const objects = openObjects(await gitDirOf(repoDir));
  try {
    return await reaches(objects, b, a);
  } finally {
    objects.close();
  }
}

/** Author lines of commits, `name <email> seconds zone`; nothing of them is signed where the commit is not. */
export async function commitAuthors(repoDir: string, commits: readonly ObjectId[]): Promise<ReadonlyMap<ObjectId, string>> {
  const objects = openObjects(await gitDirOf(repoDir));
  try {
    const authors = new Map<ObjectId, string>();
    for (const commit of commits) authors.set(commit, (await objects.commit(commit)).author);
    return authors;
  } finally {
    objects.close();
  }
}

export interface CommitStep {
  readonly commit: ObjectId;
  readonly message: string;
  /** `name <email> seconds zone`, as the commit says. */
  readonly author: string;
}

/**
 * The commits after `base` up to `head`, oldest first; all of them from the beginning where there is no base. Throws `proposal_invalid`
 * where the way is no plain line (a merge hides what is approved with it) or longer than `max`, `proposal_outdated` where it does not lead to the base.
 */
export async function commitSteps(
  repoDir: string,
  base: ObjectId | undefined,
  head: ObjectId,
  max: number,
): Promise<readonly CommitStep[]> {
  const objects = openObjects(await gitDirOf(repoDir));
  try {
    const steps: CommitStep[] = [];
    let next: ObjectId | undefined = head;
    while (next !== undefined && next !== base) {
      if (steps.length >= max)
        throw new TriplaneError("proposal_invalid", `${head} is more than ${max} commits ahead of ${base ?? "nothing"}`);
      const { parents, message, author }: DecodedCommit = await objects.commit(next);
      if (parents.length > 1) throw new TriplaneError("proposal_invalid", `${next} is a merge: a proposal is a plain line of commits`);
      steps.unshift({ commit: next, message, author });
      next = parents[0];
    }
    if (next !== base) throw new TriplaneError("proposal_outdated", `${head} does not follow ${base}`);
    return steps;
  } finally {
    objects.close();
  }
}
