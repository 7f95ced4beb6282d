// Commits signed as `git commit -S` with an SSH key does: `git verify-commit` accepts them.
import { type Did, type Signer, TriplaneError } from "@triplane/contract";
import { type CommitFields, type DecodedCommit, encodeCommit, type ObjectId, type ObjectWriter } from "../git/index.ts";
import { nidOfDid } from "./layout.ts";
import { signSshsig, verifySshsig } from "./sshsig.ts";

export interface CommitText {
  readonly tree: ObjectId;
  readonly parents: readonly ObjectId[];
  readonly message: string;
  readonly author: string;
  readonly timeS: number;
}

export async function writeSignedCommit(objects: ObjectWriter, text: CommitText, key: Signer): Promise<ObjectId> {
  if (!/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/.test(text.author))
    throw new TriplaneError("git_failed", `${JSON.stringify(text.author)} is not an author's name`);
  const who = `${text.author} <${nidOfDid(key.did)}> ${text.timeS} +0000`;
  const fields: CommitFields = { tree: text.tree, parents: text.parents, author: who, committer: who, message: text.message };
  return objects.commit({ ...fields, signature: await signSshsig(encodeCommit(fields), "git", key) });
}

/** The key that signed a commit. Throws `signature_invalid` for an unsigned one. */
export function commitSigner(commit: DecodedCommit): Did {
  if (commit.signature === undefined) throw new TriplaneError("signature_invalid", "the commit is not signed");
  return verifySshsig(commit.signedBytes, "git", commit.signature);
}
