import assert from "node:assert/strict";
import { test } from "node:test";
import type { Did } from "@triplane/contract";
import fc from "fast-check";
import { Sequences } from "./sequences.ts";

const KEY = "did:key:z6MkTest" as Did;

test("Sequences: tells used numbers and gaps as a plain set would, in any order and taken up again at any point", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 80 }), fc.nat(80), (numbers, pause) => {
      let sequences = new Sequences();
      const firstSeen = new Map<number, number>();
      for (const [index, seq] of numbers.entries()) {
        if (index === pause) sequences = new Sequences(JSON.parse(JSON.stringify(sequences.state())));
        assert.equal(sequences.use({ key: KEY, seq, decidedAtS: 1000 + index }, index), !firstSeen.has(seq));
        if (!firstSeen.has(seq)) firstSeen.set(seq, index);
      }
      const used = [...firstSeen.keys()].sort((a, b) => a - b);
      const missing = sequences.missing().flatMap(({ from, to, seenAtIndex, decidedAtS }) => {
        assert.equal(firstSeen.get(to + 1), seenAtIndex);
        assert.equal(decidedAtS, 1000 + seenAtIndex);
        return Array.from({ length: to - from + 1 }, (_, at) => from + at);
      });
      const all = Array.from({ length: used.at(-1) ?? 0 }, (_, at) => at + 1);
      assert.deepEqual(
        missing.sort((a, b) => a - b),
        all.filter((seq) => !firstSeen.has(seq)),
      );
    }),
  );
});
