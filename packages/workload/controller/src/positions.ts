// Numbers that order what was accepted, growing over restarts.

export class Positions {
  #last: number;

  constructor(last: number) {
    this.#last = last;
  }

  /** The one given out last, or known to be. */
  get last(): number {
    return this.#last;
  }

  next(): number {
    this.#last += 1;
    return this.#last;
  }

  /** The next one is above this. */
  notBelow(position: number): void {
    this.#last = Math.max(this.#last, position);
  }
}
