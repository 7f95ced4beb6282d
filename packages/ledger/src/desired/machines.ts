// What automations signed in the desired-state repository, with or without a seat among its delegates.
import type { Did } from "@triplane/contract";
import type { Policy } from "@triplane/policy";
import { listRefs, type ObjectId, type ObjectReader } from "../git/index.ts";
import { namespaced, nidOfDid, refs } from "../radicle/layout.ts";
import { readSigrefsChain, type SigrefsEntry } from "../radicle/sigrefs.ts";
import type { VerifiedRepository } from "../radicle/verify.ts";

export interface Machine {
  readonly did: Did;
  /** Where its signed head stands. */
  readonly head: ObjectId;
  /** Every commit that was its signed head, at some entry of its chain. */
  readonly named: ReadonlySet<ObjectId>;
}

/** Automations that a rule of the policy lets change images. One whose signed refs do not verify is left out. */
export async function machinesOf(
  objects: ObjectReader,
  gitDir: string,
  verified: Pick<VerifiedRepository, "chains">,
  identityRoot: ObjectId,
  { policy, branch }: { readonly policy: Policy; readonly branch: string },
): Promise<readonly Machine[]> {
  const allowed = new Set(policy.image_updates.flatMap(({ automations }) => automations));
  const keys = policy.automations.filter(({ principal }) => allowed.has(principal)).flatMap(({ keys: own }) => own);
  if (keys.length === 0) return [];
  const loose = await listRefs(gitDir, refs.namespaces);
  const ref = refs.head(branch);
  const machines: Machine[] = [];
  for (const did of keys as readonly Did[]) {
    const tip = loose.get(namespaced(nidOfDid(did), refs.sigrefs));
    const chain = tip === undefined ? [] : (verified.chains.get(did) ?? (await chainOf(objects, did, tip, identityRoot)));
    const named = chain.map((entry) => entry.refs.get(ref));
    const [head] = named;
    if (head !== undefined) machines.push({ did, head, named: new Set(named.filter((commit) => commit !== undefined)) });
  }
  return machines;
}

async function chainOf(objects: ObjectReader, did: Did, tip: ObjectId, identityRoot: ObjectId): Promise<readonly SigrefsEntry[]> {
  return await readSigrefsChain(objects, did, tip, identityRoot).catch(() => []);
}
