import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { findHighest } from "./highest.ts";

const number = fc.oneof(fc.nat(40), fc.nat(100_000), fc.maxSafeNat());

async function asked(above: number, held: readonly number[], pick: (higher: readonly number[]) => number | undefined) {
  let questions = 0;
  const highest = await findHighest(above, async (bound) => {
    questions += 1;
    return pick(held.filter((value) => value > bound));
  });
  return { highest, questions };
}

describe("findHighest", () => {
  it("is the highest, whichever one above the bound is named, by a number of questions that the numbers set and not how many there are", async () => {
    await fc.assert(
      fc.asyncProperty(number, fc.array(number, { maxLength: 30 }), fc.nat(), async (above, held, choice) => {
        const { highest, questions } = await asked(above, held, (higher) => higher[choice % higher.length]);
        assert.equal(highest, Math.max(above, ...held));
        assert.ok(questions <= 2 * Math.log2(highest - above + 2) + 10, `${questions} questions from ${above} to ${highest}`);
      }),
    );
  });

  it("asks once where nothing is higher, and twice where the next one is all there is", async () => {
    const first = (higher: readonly number[]): number | undefined => higher[0];
    assert.deepEqual(await asked(7, [1, 7], first), { highest: 7, questions: 1 });
    assert.deepEqual(await asked(7, [1, 9], first), { highest: 9, questions: 2 });
  });
});
