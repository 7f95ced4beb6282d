// Who may touch which part of the arena: parts are claimed together, waited for in the order of asking, and given back together.

/** Claims all parts at once, those that nobody ever named included. */
export const EVERYTHING = "everything";

export interface Claim {
  release(): void;
}

interface Asking {
  readonly parts: readonly string[];
  readonly grant: (claim: Claim) => void;
}

export class Claims {
  readonly #taken = new Set<string>();
  readonly #asking: Asking[] = [];

  /** Resolves when all of these are free at once; nothing is held while it waits. */
  claim(parts: readonly string[]): Promise<Claim> {
    return new Promise((grant) => {
      this.#asking.push({ parts, grant });
      this.#serve();
    });
  }

  #serve(): void {
    for (const asking of [...this.#asking]) {
      if (!this.#isFree(asking.parts)) continue;
      this.#asking.splice(this.#asking.indexOf(asking), 1);
      for (const part of asking.parts) this.#taken.add(part);
      asking.grant({ release: () => this.#release(asking.parts) });
    }
  }

  #isFree(parts: readonly string[]): boolean {
    if (this.#taken.has(EVERYTHING)) return false;
    return parts.includes(EVERYTHING) ? this.#taken.size === 0 : parts.every((part) => !this.#taken.has(part));
  }

  #release(parts: readonly string[]): void {
    for (const part of parts) this.#taken.delete(part);
    this.#serve();
  }
}
