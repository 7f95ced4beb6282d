import assert from "node:assert/strict";
import { test } from "node:test";
import { type Digest, digestOf } from "@triplane/contract";
import fc from "fast-check";
import type { SequenceRecord } from "./records.ts";
import { placeInSequence } from "./sequence.ts";

const recordOf = (seq: number, op_digest: Digest): SequenceRecord => ({ seq, op_digest, output: { subject: "s", text: "t" }, uses: [] });
const digest = (seq: number): Digest => digestOf(`op ${seq}`);

/** Newest first, `count` records up to `last`. */
const historyUpTo = (last: number, count = last): readonly SequenceRecord[] =>
  Array.from({ length: count }, (_, index) => recordOf(last - index, digest(last - index)));

test("placeInSequence: a key's first op has number 1", () => {
  assert.deepEqual(placeInSequence(1, digest(1), []), { at: "next" });
  assert.deepEqual(placeInSequence(2, digest(2), []), { at: "gap", expected: 1 });
});

test("placeInSequence: the same bytes again repeat what was recorded, also an older one inside the history", () => {
  const history = historyUpTo(5);
  assert.deepEqual(placeInSequence(5, digest(5), history), { at: "repeat", record: history[0] });
  assert.deepEqual(placeInSequence(2, digest(2), history), { at: "repeat", record: history[3] });
});

test("placeInSequence: other bytes under a number that is taken are a fork", () => {
  assert.deepEqual(placeInSequence(2, digestOf("other"), historyUpTo(5)), { at: "fork", other: digest(2), expected: 6 });
});

test("placeInSequence: what is older than the history cannot be called a fork, so nobody is accused by a replay", () => {
  assert.deepEqual(placeInSequence(1, digest(1), historyUpTo(100, 64)), { at: "gap", expected: 101 });
});

test("placeInSequence: exactly one number is next, whatever the history", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 300 }), (last, kept, seq) => {
      const place = placeInSequence(seq, digestOf("new"), historyUpTo(last, Math.min(last, kept)));
      assert.equal(place.at === "next", seq === last + 1);
    }),
  );
});
