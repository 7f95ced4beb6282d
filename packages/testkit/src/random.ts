// Reproducible randomness for tests: the same seed gives the same bytes.
import { createHash } from "node:crypto";
import type { Random } from "@triplane/contract";

/** SHA-256 in counter mode. Never for keys outside tests. */
export function seededRandom(seed: string | number = 1): Random {
  let counter = 0;
  let pool: number[] = [];
  return {
    bytes: (count) => {
      while (pool.length < count) {
        pool = [...pool, ...createHash("sha256").update(`${seed}:${counter}`).digest()];
        counter += 1;
      }
      const taken = pool.slice(0, count);
      pool = pool.slice(count);
      return Uint8Array.from(taken);
    },
  };
}
