// Who may work on which targets now: ops on different targets run side by side, an op on the workspace runs alone.
//
// 1. Two holders never have a target in common; `*` has all of them in common.
// 2. Those who wait are served in order of asking where they collide.

export const ALL_TARGETS = "*";

interface Claim {
  readonly target: string;
  readonly done: Promise<void>;
}

export class TargetLocks {
  readonly #claims = new Set<Claim>();

  /** Runs `work` when everybody who asked before for the same target is done. */
  async with<T>(target: string, work: () => Promise<T>): Promise<T> {
    const before = [...this.#claims].filter((claim) => collide(claim.target, target)).map((claim) => claim.done);
    const { promise, resolve } = Promise.withResolvers<void>();
    const claim: Claim = { target, done: promise };
    this.#claims.add(claim);
    try {
      await Promise.all(before);
      return await work();
    } finally {
      this.#claims.delete(claim);
      resolve();
    }
  }
}

function collide(a: string, b: string): boolean {
  return a === b || a === ALL_TARGETS || b === ALL_TARGETS;
}
