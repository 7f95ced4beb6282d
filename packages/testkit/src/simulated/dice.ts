// Everything that a simulation leaves to chance, from one seed: the same seed gives the same throws.
import { createHash } from "node:crypto";
import type { Random } from "@triplane/contract";

export interface Dice {
  /** At least 0, below 1. */
  fraction(): number;
  /** At least 0, below `count`. */
  below(count: number): number;
  /** Both ends included. */
  between(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Throws of their own, so that one part of a simulation does not shift those of another. */
  fork(name: string): Dice;
  readonly random: Random;
}

/** sfc32 (PractRand's small fast counter), seeded by SHA-256. Never for keys outside tests. */
export function dice(seed: string): Dice {
  const digest = createHash("sha256").update(seed).digest();
  let a = digest.readUInt32LE(0);
  let b = digest.readUInt32LE(4);
  let c = digest.readUInt32LE(8);
  let counter = digest.readUInt32LE(12) | 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  const self: Dice = {
    fraction: () => next() / 2 ** 32,
    below: (count) => Math.floor((next() / 2 ** 32) * count),
    between: (least, most) => least + Math.floor((next() / 2 ** 32) * (most - least + 1)),
    chance: (probability) => next() / 2 ** 32 < probability,
    pick: (items) => {
      const item = items[self.below(items.length)];
      if (item === undefined) throw new Error("there is nothing to pick from");
      return item;
    },
    fork: (name) => dice(`${seed}/${name}`),
    random: { bytes: (count) => Uint8Array.from({ length: count }, () => next() & 0xff) },
  };
  return self;
}
