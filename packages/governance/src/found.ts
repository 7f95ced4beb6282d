// Founding and joining: three repositories whose only delegate is the founder at first, and the signed word of those who want to govern too.
import { type Clock, type Signer, TriplaneError } from "@triplane/contract";
import { changeNamespace, createRepository, openNamespace, type RepositoryPin } from "@triplane/ledger";
import { HEAD_REF } from "./proposals.ts";
import { openGoverned } from "./repository.ts";
import { GOVERNED, type RepositoryName, repoDirOf, type Site } from "./site.ts";
import { INTRODUCTIONS_PREFIX } from "./status.ts";

export interface Founding {
  readonly storageDir: string;
  readonly workspace: string;
  readonly founder: Signer;
  readonly principal: string;
  /** The ops-controller's key: the ledger's only delegate for as long as it lives. */
  readonly controller: Signer;
  readonly clock: Clock;
}

/** Makes the three repositories. Until others are added the founder decides alone, and everything says so. Throws `git_failed` where they exist. */
export async function foundWorkspace(founding: Founding): Promise<Readonly<Record<RepositoryName, RepositoryPin>>> {
  const { storageDir, workspace, founder, principal, controller, clock } = founding;
  const make = async (name: string, description: string, key: Signer): Promise<RepositoryPin> => {
    const spec = { storageDir, name, description, founder: key, delegates: [key], threshold: 1, clock };
    const { rid, identityRoot, repoDir } = await createRepository(spec);
    if (key === founder)
      await changeNamespace({ repo: repoDir, key, clock }, (current) => new Map([...current, introduction(principal, identityRoot)]));
    return { rid, identityRoot };
  };
  return {
    policy: await make(`policy-${workspace}`, `Keeper policy of ${workspace}`, founder),
    desired: await make(`${workspace}-desired`, `Desired state of ${workspace}`, founder),
    state: await make(`${workspace}-state`, `Audit ledger of ${workspace}`, controller),
  };
}

/**
 * Signs refs of one's own in both governed repositories: the name, which is one's own word, and the approved head if there is one, so that
 * whoever becomes a delegate stands behind it from the first moment. It gives no vote. Does nothing where it was done before.
 */
export async function joinWorkspace(
  site: Site,
  joining: { readonly key: Signer; readonly principal: string; readonly clock: Clock },
): Promise<void> {
  const { key, principal, clock } = joining;
  for (const name of GOVERNED) {
    const repository = await openGoverned(site, name);
    if (repository.refused.has(key.did))
      throw new TriplaneError("delegates_invalid", `the ${name} repository has refs of this key that do not verify`);
    if (repository.namespaces.has(key.did)) continue;
    const pin = site.pins[name];
    const head = repository.approved === undefined ? [] : [[HEAD_REF, repository.approved.base] as const];
    const target = { repo: repoDirOf(site, name), key, clock };
    const refs = new Map([introduction(principal, pin.identityRoot), ...head]);
    await openNamespace(target, pin, repository.verified.identity.revision, refs);
  }
}

/** A name is one's own word: a signed ref that says it. */
export function introduction(principal: string, identityRoot: string): readonly [string, string] {
  return [`${INTRODUCTIONS_PREFIX}${principal}`, identityRoot];
}
