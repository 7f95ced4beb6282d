// What a batch of messages comes to know of itself: an op that is in it twice is known the second time.
import type { OpRow } from "./rows.ts";
import type { IntakeStep, Known, Subjects } from "./service.ts";

export class TakenTogether {
  readonly #rows = new Map<string, OpRow>();

  known({ jti, digest }: Subjects, stored: Known | undefined): Known {
    return {
      byJti: (jti === undefined ? undefined : this.#rows.get(jti)) ?? stored?.byJti,
      byDigest: this.#rows.get(digest) ?? stored?.byDigest,
    };
  }

  add({ row }: IntakeStep): void {
    this.#rows.set(row.subject, row);
  }
}
