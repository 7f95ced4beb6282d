// What the attacks on governed repositories share: commits, votes, and git as an attacker has it.
import type { SigningKey } from "@triplane/contract";
import { createObjectWriter, type ObjectId, updateRefs } from "../../git/index.ts";
import { type Governed, git, nth } from "../../testing.ts";
import { namespaced, nidOfDid, refs } from "../layout.ts";
import { commitFiles, pushHead, signRefs } from "../repository.ts";
import { writeSigrefs } from "../sigrefs.ts";
import { verifyRepository } from "../verify.ts";

export const branch = "main";

export function policyCommit(repo: Governed, text: string, parent?: ObjectId): Promise<ObjectId> {
  const key = nth(repo.delegates, 0);
  return commitFiles({
    repo: repo.repoDir,
    key,
    parent,
    files: { "keeper_policy.ncl": text },
    message: "Change the policy",
    timeS: 1_790_000_000,
  });
}

export function vote(repo: Governed, delegate: number | SigningKey, commit: ObjectId): Promise<void> {
  const key = typeof delegate === "number" ? nth(repo.delegates, delegate) : delegate;
  return pushHead({ repo: repo.repoDir, key, branch, commit, clock: repo.clock });
}

export async function votes(repo: Governed, delegates: readonly number[], commit: ObjectId): Promise<void> {
  for (const delegate of delegates) await vote(repo, delegate, commit);
}

/** The newest entry of a delegate's signed refs. */
export async function sigrefsTip(repo: Governed, key: SigningKey): Promise<ObjectId> {
  const { chains } = await verifyRepository(repo.repoDir, repo);
  return nth(chains.get(key.did) ?? [], 0).commit;
}

/** Puts an entry in the place of a delegate's signed refs, as somebody who can write to a seed can. */
export async function placeSigrefs(repo: Governed, key: SigningKey, value: ObjectId): Promise<void> {
  const name = namespaced(nidOfDid(key.did), refs.sigrefs);
  await updateRefs(repo.repoDir, [{ name, value, old: git(repo.repoDir, ["rev-parse", name]) }]);
}

/** A namespace for a key that is no delegate yet, with the identity as it stands. */
export async function join(repo: Governed, key: SigningKey): Promise<void> {
  const { identity } = await verifyRepository(repo.repoDir, repo);
  const current = new Map([
    [refs.identityObject(repo.identityRoot), identity.revision],
    [refs.identityHead, identity.revision],
    [refs.identityRoot, repo.identityRoot],
  ]);
  const objects = createObjectWriter(repo.repoDir);
  const sigrefs = await writeSigrefs(objects, key, current, undefined, 1_790_000_000);
  await objects.flush();
  const nid = nidOfDid(key.did);
  const updates = [...current, [refs.sigrefs, sigrefs] as const].map(([ref, value]) => ({
    name: namespaced(nid, ref),
    value,
    old: undefined,
  }));
  await updateRefs(repo.repoDir, updates);
}

/** Signs that the identity stands at this entry. */
export async function signIdentity(repo: Governed, key: SigningKey, tip: ObjectId): Promise<void> {
  const ref = refs.identityObject(repo.identityRoot);
  await signRefs({ repo: repo.repoDir, key, clock: repo.clock }, (current) => new Map([...current, [ref, tip]]));
}
