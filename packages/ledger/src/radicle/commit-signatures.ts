// Which commits of a repository are signed, and by whom: a walk from its heads to the beginning, for whoever watches repositories.
//
// Readers of ours never need it: they believe signed refs. It finds what somebody with the folder put beside them.
import { type Did, TriplaneError, toTriplaneError } from "@triplane/contract";
import { listRefs, type ObjectId, openObjects } from "../git/index.ts";
import { nidOfDid, refs } from "./layout.ts";
import { commitSigner } from "./signed-commit.ts";
import { gitDirOf } from "./storage.ts";

export interface UnsignedCommit {
  readonly commit: ObjectId;
  /** The head from which it was reached. */
  readonly head: string;
  readonly why: string;
}

export interface CommitSignatures {
  readonly heads: readonly string[];
  /** How many commits were looked at. */
  readonly commits: number;
  readonly unsigned: readonly UnsignedCommit[];
  /** Keys that signed commits, and how many each. */
  readonly signers: ReadonlyMap<Did, number>;
  /** False where `maxCommits` ended the walk. */
  readonly complete: boolean;
}

/** Commits that are reachable from the top-level heads and from those of `namespaces`. Throws `git_failed`. */
export async function commitSignatures(
  repoDir: string,
  options: { readonly namespaces: readonly Did[]; readonly maxCommits: number },
): Promise<CommitSignatures> {
  const gitDir = await gitDirOf(repoDir);
  const heads = new Map<string, ObjectId>(await listRefs(gitDir, "refs/heads/"));
  for (const did of options.namespaces)
    for (const [name, id] of await listRefs(gitDir, `${refs.namespace(nidOfDid(did))}refs/heads/`)) heads.set(name, id);
  const objects = openObjects(gitDir);
  const seen = new Set<ObjectId>();
  const unsigned: UnsignedCommit[] = [];
  const signers = new Map<Did, number>();
  let complete = true;
  try {
    for (const [head, tip] of heads) {
      const waiting = [tip];
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
        if (seen.has(id)) continue;
        if (seen.size >= options.maxCommits) {
          complete = false;
          break;
        }
        seen.add(id);
        const commit = await objects.commit(id);
        waiting.push(...commit.parents);
        try {
          const signer = commitSigner(commit);
          signers.set(signer, (signers.get(signer) ?? 0) + 1);
        } catch (thrown) {
          if (!(thrown instanceof TriplaneError)) throw thrown;
          unsigned.push({ commit: id, head, why: toTriplaneError(thrown).message });
        }
      }
    }
  } finally {
    objects.close();
  }
  return { heads: [...heads.keys()], commits: seen.size, unsigned, signers, complete };
}
