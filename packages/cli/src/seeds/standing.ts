// Where a copy of a repository stands against ours, by the signed refs in both: verified here, whatever the seed says of itself.
import { type Did, toTriplaneError } from "@triplane/contract";
import { type RepositoryPin, verifyRepository } from "@triplane/ledger";

export interface Standing {
  /** `refused`: a copy that does not verify. `diverged`: a delegate signed two histories. */
  readonly state: "in step" | "behind" | "ahead" | "diverged" | "missing" | "refused";
  /** Delegates whose signed refs are the same in both, and all delegates. */
  readonly same: number;
  readonly delegates: number;
  readonly why?: string;
}

/** Newest first, one list of signed-refs commits for each delegate. */
export type Chains = ReadonlyMap<Did, readonly string[]>;

/** The order in which one delegate's state decides for all: the worst first. */
const WORST_FIRST = ["diverged", "behind", "ahead", "in step"] as const;

export function compareChains(ours: Chains, theirs: Chains, delegates: readonly Did[]): Standing {
  const states = delegates.map((did) => compareChain(ours.get(did) ?? [], theirs.get(did) ?? []));
  const state = WORST_FIRST.find((worst) => states.includes(worst)) ?? "in step";
  return { state, same: states.filter((each) => each === "in step").length, delegates: delegates.length };
}

function compareChain(ours: readonly string[], theirs: readonly string[]): (typeof WORST_FIRST)[number] {
  const [mine, his] = [ours[0], theirs[0]];
  if (mine === his) return "in step";
  if (his === undefined || ours.includes(his)) return "behind";
  if (mine === undefined || theirs.includes(mine)) return "ahead";
  return "diverged";
}

/** Never throws for what the copy holds. Throws where our own repository does not verify. */
export async function standingOf(ourDir: string, theirDir: string, pin: RepositoryPin): Promise<Standing> {
  const ours = await verifyRepository(ourDir, pin);
  const missing = { same: 0, delegates: ours.delegates.length };
  try {
    const theirs = await verifyRepository(theirDir, pin);
    return compareChains(chainsOf(ours.chains), chainsOf(theirs.chains), ours.delegates);
  } catch (thrown) {
    const { code, message } = toTriplaneError(thrown);
    return code === "git_failed" ? { ...missing, state: "missing" } : { ...missing, state: "refused", why: `${code}: ${message}` };
  }
}

function chainsOf(chains: ReadonlyMap<Did, readonly { readonly commit: string }[]>): Chains {
  return new Map([...chains].map(([did, chain]) => [did, chain.map(({ commit }) => commit)]));
}
