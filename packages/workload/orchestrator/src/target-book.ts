// All targets as they are stored, in memory and in order of their names: the one process that writes them need not read them.
import type { TargetRecord } from "./model.ts";

export class TargetBook {
  readonly #sorted: TargetRecord[];

  constructor(stored: readonly TargetRecord[]) {
    this.#sorted = [...stored].sort((a, b) => (a.target < b.target ? -1 : 1));
  }

  get(target: string): TargetRecord | undefined {
    const found = this.#sorted[this.#indexOf(target)];
    return found?.target === target ? found : undefined;
  }

  all(): readonly TargetRecord[] {
    return this.#sorted.slice();
  }

  put(record: TargetRecord): void {
    const index = this.#indexOf(record.target);
    this.#sorted.splice(index, this.#sorted[index]?.target === record.target ? 1 : 0, record);
  }

  /** Where the target is, or where it would be. */
  #indexOf(target: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle]?.target ?? "") < target) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
