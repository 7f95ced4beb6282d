// Drawing from a random source: numbers, members, chances, and sources of their own for parts that must not disturb one another.
import type { Random } from "@triplane/contract";
import { seededRandom } from "@triplane/testkit";

/** A whole number from 0 to `limit - 1`. */
export function below(random: Random, limit: number): number {
  const drawn = random.bytes(4).reduce((sum, byte) => sum * 256 + byte, 0);
  return drawn % limit;
}

/** A whole number from `from` to `to`, both included. */
export function between(random: Random, from: number, to: number): number {
  return from + below(random, to - from + 1);
}

export function pick<T>(random: Random, from: readonly T[]): T {
  const drawn = from[below(random, from.length)];
  if (drawn === undefined) throw new Error("there is nothing to draw from");
  return drawn;
}

/** `count` different members, or all where there are fewer, in a drawn order. */
export function sample<T>(random: Random, from: readonly T[], count: number): readonly T[] {
  const placed = from.map((member) => ({ member, place: below(random, 2 ** 32) }));
  return placed
    .toSorted((a, b) => a.place - b.place)
    .slice(0, count)
    .map(({ member }) => member);
}

export function chance(random: Random, percent: number): boolean {
  return below(random, 10_000) < percent * 100;
}

/** A source of its own: what one part draws does not change what another one gets. */
export function sourceFor(seed: string, part: string): Random {
  return seededRandom(`${seed}/${part}`);
}
