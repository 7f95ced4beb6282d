// The shape of a fault: what it needs, for how long it lasts, what it does, and how that is undone.
import type { Random } from "@triplane/contract";
import type { Arena } from "../arena.ts";

export interface Inflicted {
  /** What was done to whom, for the report. */
  readonly what: string;
  /** Ends the fault. Whatever it started or broke works again, or is about to. */
  undo(): Promise<void>;
}

export interface Fault {
  readonly name: string;
  /** In a few words, for people. */
  readonly about: string;
  /** How long it lasts: drawn between the two, in milliseconds. */
  readonly holdMs: readonly [least: number, most: number];
  /** How many times it is in the deck from which faults are drawn; 1 unless told otherwise, 0 only by name. */
  readonly times?: number;
  /** Why it cannot be inflicted on this machine; undefined where it can. */
  needs(): Promise<string | undefined>;
  /** Draws whom and how. What it touches it claims, and gives back in `undo`. */
  inflict(arena: Arena, random: Random): Promise<Inflicted>;
}

export const anywhere = async (): Promise<undefined> => undefined;

/** Claims the parts, does the work, and gives them back when the fault is undone, or could not be inflicted. */
export async function holding(
  arena: Arena,
  parts: readonly string[],
  inflict: () => Promise<{ readonly what: string; readonly undo?: () => Promise<void> }>,
): Promise<Inflicted> {
  const claim = await arena.claims.claim(parts);
  try {
    const { what, undo } = await inflict();
    return {
      what,
      undo: async () => {
        try {
          await undo?.();
        } finally {
          claim.release();
        }
      },
    };
  } catch (error) {
    claim.release();
    throw error;
  }
}
