// Whose keys are whose, and where they are delegates.
//
// 1. A key is somebody's because an approved policy lists it for them, or an earlier one did. What a key says of itself, its introduction,
//    proves nothing: whoever takes somebody's keys out must not miss one that is listed no longer, nor hit one that only claims the name.
// 2. Of a key that the policy in force lists, no earlier policy says whose it is.
import { stat } from "node:fs/promises";
import { type Did, TriplaneError } from "@triplane/contract";
import { verifyRepository } from "@triplane/ledger";
import { type Policy, type Signer, signerOf } from "@triplane/policy";
import { approvedPolicies } from "./history.ts";
import { readSeen } from "./memory.ts";
import { openGoverned } from "./repository.ts";
import { GOVERNED, type RepositoryName, repoDirOf, type Site } from "./site.ts";

export interface KeyOf {
  readonly did: Did;
  /** What it is, or was last, in the policy. */
  readonly role: Signer["role"];
  /** Whether the policy in force lists it. */
  readonly listed: boolean;
  /** The repositories of this machine whose identity has it among the delegates. */
  readonly delegateOf: readonly RepositoryName[];
}

/** Those that the policy in force lists come first. Throws what `openGoverned` and `approvedPolicies` throw, and why there is no policy in force. */
export async function keysOf(site: Site, principal: string): Promise<readonly KeyOf[]> {
  const { repoDir, approved, problem } = await openGoverned(site, "policy");
  if (approved === undefined) throw problem ?? new TriplaneError("quorum_not_reached", "no policy is approved");
  const roles = new Map<Did, Signer["role"]>();
  let inForce: Policy | undefined;
  for await (const { policy } of approvedPolicies(repoDir, approved.commit, site.workspace)) {
    for (const did of keysIn(policy, principal)) roles.set(did, signerOf(policy, did)?.role ?? "operator");
    inForce = policy;
  }
  const delegates = await delegatesOf(site);
  const keys: KeyOf[] = [];
  for (const [did, role] of roles) {
    const holder = inForce === undefined ? undefined : signerOf(inForce, did);
    if (holder !== undefined && holder.principal !== principal) continue;
    const delegateOf = [...delegates].flatMap(([name, dids]) => (dids.includes(did) ? [name] : []));
    keys.push({ did, role, listed: holder !== undefined, delegateOf });
  }
  return keys.sort((a, b) => Number(b.listed) - Number(a.listed));
}

function keysIn(policy: Policy, principal: string): readonly Did[] {
  const theirs = (entry: { readonly principal: string }): boolean => entry.principal === principal;
  return [
    ...policy.operators.filter(theirs).flatMap(({ keys, break_glass_keys: sealed = [] }) => [...keys, ...sealed]),
    ...[...policy.automations, ...policy.agents].filter(theirs).flatMap(({ keys }) => keys),
  ];
}

async function delegatesOf(site: Site): Promise<ReadonlyMap<RepositoryName, readonly Did[]>> {
  const found = new Map<RepositoryName, readonly Did[]>();
  for (const name of GOVERNED) found.set(name, (await openGoverned(site, name)).delegates);
  // A machine on which people govern need not have the ledger.
  const ledger = repoDirOf(site, "state");
  if ((await stat(ledger).catch(() => undefined)) === undefined) return found;
  const { identityRevision } = await readSeen(site.memoryFile, site.pins.state.rid);
  return found.set("state", (await verifyRepository(ledger, site.pins.state, { knownRevision: identityRevision })).delegates);
}
