// Where a check gets its facts from, and what becomes of a source that is not there or does not answer.
//
// 1. Looking and judging are two things: a source reads, `judge` is a pure function of what was read and of the time. `time-is-an-input`
// 2. What cannot be read is `unknown`, with the reason; what this system does not have is `skip`, with the reason. `no-fail-open`
import { type InvariantId, toTriplaneError } from "@triplane/contract";
import type { Check, Finding } from "./types.ts";

/** Facts that can be read, or why this system has none of them. */
export type Source<Facts> =
  | { readonly absent: string }
  | {
      /** For people: an address, a folder. */
      readonly where: string;
      /** Throws where it cannot be read. Asked once in a run, however many checks judge it. */
      read(signal: AbortSignal): Promise<Facts>;
    };

export interface CheckSpec<Surroundings, Facts> {
  readonly id: string;
  readonly invariant: InvariantId;
  readonly what: string;
  source(surroundings: Surroundings): Source<Facts>;
  judge(facts: Facts, nowS: number): Judged;
}

/** A finding that may leave out where it looked: then it is the source's own place. */
export type Judged = Omit<Finding, "lookedAt"> & { readonly lookedAt?: string };

/** @example check({ id: "loki-ready", invariant: "every-command-lands", what: "…", source: ({ loki }) => loki, judge: (facts) => pass("ready") }) */
export function check<Surroundings extends { nowS(): number }, Facts>(spec: CheckSpec<Surroundings, Facts>): Check<Surroundings> {
  const { id, invariant, what } = spec;
  return {
    ...{ id, invariant, what },
    look: async (surroundings, signal) => {
      const source = spec.source(surroundings);
      if ("absent" in source) return { verdict: "skip", lookedAt: "", saw: source.absent };
      try {
        const facts = await source.read(signal);
        return { lookedAt: source.where, ...spec.judge(facts, surroundings.nowS()) };
      } catch (thrown) {
        const { code, message, hint } = toTriplaneError(thrown);
        return { verdict: "unknown", lookedAt: source.where, saw: `it could not be looked at: ${message} (${code})`, todo: hint };
      }
    },
  };
}

export function pass(saw: string, lookedAt?: string): Judged {
  return { verdict: "pass", saw, ...(lookedAt === undefined ? {} : { lookedAt }) };
}

export function fail(saw: string, todo: string, lookedAt?: string): Judged {
  return { verdict: "fail", saw, todo, ...(lookedAt === undefined ? {} : { lookedAt }) };
}

/** What hangs on something that another check has found wrong: that one says what to do. */
export function leftTo(other: string, saw: string): Judged {
  return { verdict: "skip", saw: `${saw}; ${other} says why` };
}

/** A source that is read once for all its checks. What it throws is thrown to each of them. */
export function sharedSource<Facts>(source: Source<Facts>): Source<Facts> {
  if ("absent" in source) return source;
  let reading: Promise<Facts> | undefined;
  return {
    where: source.where,
    read: (signal) => {
      reading ??= source.read(signal);
      return reading;
    },
  };
}

/** `1 stream`, `2 streams`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

const SHOWN = 5;

/** The first few, and how many more there are. */
export function listed(items: readonly string[]): string {
  const more = items.length - SHOWN;
  return more > 0 ? `${items.slice(0, SHOWN).join("; ")}; and ${more} more` : items.join("; ");
}
