// What the checker says: one finding per invariant, with what was looked at and, where it does not hold, the very objects.
import { INVARIANTS, type InvariantId } from "@triplane/contract";

/** `not-checkable`: there was nothing to check, or something could not be read; `why` says which. It never means that the invariant holds. */
export type Status = "holds" | "violated" | "not-checkable";

/** One object, or a few that belong together, for which an invariant does not hold. */
export interface Violation {
  /** One sentence with the objects in it. */
  readonly what: string;
  readonly jti?: string;
  readonly key?: string;
  readonly seq?: number;
  readonly target?: string;
  readonly recordIndex?: number;
  readonly commit?: string;
  /** `<table>/<id>` of a database. */
  readonly row?: string;
  readonly stream?: string;
  readonly streamSeq?: number;
  readonly file?: string;
  readonly pid?: number;
}

export interface Finding {
  readonly invariant: InvariantId;
  readonly status: Status;
  readonly promise: string;
  /** Why nothing can be said, where it is `not-checkable`. */
  readonly why: readonly string[];
  /** What was looked at, one line each. */
  readonly evidence: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  /** At most `MAX_TOLD`; `counts.violations` has how many there are. */
  readonly violations: readonly Violation[];
  /** What is on its way and therefore no violation yet, one line each, at most `MAX_TOLD`. */
  readonly inFlight: readonly string[];
}

export interface Report {
  readonly workspace: string;
  /** Whether anything on its way counted as a violation. */
  readonly quiesced: boolean;
  readonly findings: readonly Finding[];
  readonly violated: readonly InvariantId[];
  readonly notCheckable: readonly InvariantId[];
  /** Nothing is violated. Says nothing of what is not checkable. */
  readonly ok: boolean;
}

export const MAX_TOLD = 50;

/** Collects what a check sees of one invariant. */
export class Case {
  readonly #invariant: InvariantId;
  readonly #quiesced: boolean;
  readonly #why: string[] = [];
  readonly #evidence: string[] = [];
  readonly #counts: Record<string, number> = {};
  readonly #violations: Violation[] = [];
  readonly #inFlight: string[] = [];
  #violationCount = 0;
  #inFlightCount = 0;

  constructor(invariant: InvariantId, quiesced: boolean) {
    this.#invariant = invariant;
    this.#quiesced = quiesced;
  }

  saw(line: string): void {
    this.#evidence.push(line);
  }

  count(name: string, number: number): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + number;
  }

  violation(violation: Violation): void {
    this.#violationCount += 1;
    if (this.#violations.length < MAX_TOLD) this.#violations.push(violation);
  }

  /** Something that will be right when it has arrived; where nothing may be on its way any more it is a violation. */
  inFlight(what: string, about: Omit<Violation, "what"> = {}): void {
    this.#inFlightCount += 1;
    if (this.#quiesced) this.violation({ what: `${what}, and nothing may be on its way any more`, ...about });
    else if (this.#inFlight.length < MAX_TOLD) this.#inFlight.push(what);
  }

  /** A part, or all, of the invariant cannot be judged: it then never holds. */
  cannot(why: string): void {
    if (!this.#why.includes(why)) this.#why.push(why);
  }

  /** The value of something that was read; where it could not be, the invariant is not checkable. */
  need<T>(read: Read<T>): T | undefined {
    if (read.ok) return read.value;
    this.cannot(read.why);
    return undefined;
  }

  finding(): Finding {
    const status = this.#violationCount > 0 ? "violated" : this.#why.length > 0 ? "not-checkable" : "holds";
    return {
      invariant: this.#invariant,
      status,
      promise: INVARIANTS[this.#invariant],
      why: this.#why,
      evidence: this.#evidence,
      counts: { ...this.#counts, violations: this.#violationCount, in_flight: this.#inFlightCount },
      violations: this.#violations,
      inFlight: this.#inFlight,
    };
  }
}

/** A source that was read, or why it could not be. */
export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

export async function reading<T>(what: string, read: () => Promise<T>): Promise<Read<T>> {
  try {
    return { ok: true, value: await read() };
  } catch (thrown) {
    return { ok: false, why: `${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
  }
}
