// Who stands behind the approved commit of a governed repository, and whether that is still enough if other people counted.
import type { Did } from "@triplane/contract";
import { countPeople, isAncestor, type KeyHolders, namedCommits } from "@triplane/ledger";
import { headIn } from "./proposals.ts";
import type { GovernedRepository } from "./repository.ts";
import { BRANCH } from "./site.ts";

/** Of these keys, those whose own signed head is at or after the approved commit. */
export async function standingBehind(repository: GovernedRepository, delegates: readonly Did[]): Promise<readonly Did[]> {
  const { approved, verified, repoDir } = repository;
  if (approved === undefined) return [];
  const named = namedCommits(verified, delegates, BRANCH).get(approved.base);
  const signed: Did[] = [];
  for (const did of delegates) {
    const head = headIn(repository, did);
    // Of somebody who is no delegate yet only the newest word is at hand.
    const isOwnWord = verified.chains.has(did) ? named?.has(did) === true : head === approved.base;
    if (isOwnWord && head !== undefined && (await isAncestor(repoDir, approved.base, head).catch(() => false))) signed.push(did);
  }
  return signed;
}

/** What an approver should know: with these people the approved commit would have too few behind it, and be approved no longer. */
export async function lostSupport(repository: GovernedRepository, people: KeyHolders): Promise<string | undefined> {
  const { approved, delegates, threshold, people: before } = repository;
  if (approved === undefined) return undefined;
  const signed = await standingBehind(repository, delegates);
  const votes = countPeople(signed, people);
  if (votes >= threshold) return undefined;
  const others = delegates.filter((did) => people.has(did) && !signed.includes(did)).map((did) => people.get(did));
  const gone = new Set(signed.filter((did) => !people.has(did)).map((did) => before?.get(did) ?? did));
  const left = [...gone].join(", ");
  const first = others.length === 0 ? "" : `; first ${[...new Set(others)].join(", ")} should approve that state as well`;
  return `without ${left} only ${votes} of ${threshold} would stand behind the approved ${repository.name === "policy" ? "policy" : "desired state"} ${approved.base.slice(0, 12)}, which then is approved no longer${first}`;
}
