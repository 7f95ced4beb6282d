import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CURRENT_GOLDEN,
  type GoldenChange,
  type GoldenPlan,
  goldenAge,
  goldenState,
  promote,
  reject,
  rollBack,
  smokePassed,
} from "./golden.ts";
import type { Image } from "./provider.ts";

const DAY_S = 24 * 3600;
const NOW_S = 1_790_000_000;
const AMD = "linux/amd64";

function image(id: string, labels: Record<string, string>, createdAtS = NOW_S): Image {
  return { id, createdAtS, platform: AMD, labels: { "managed-by": "triplane", ...labels } };
}

function candidate(id: string, createdAtS = NOW_S): Image {
  return image(id, { golden: "candidate", "golden-smoke": "passed" }, createdAtS);
}

function applied(images: readonly Image[], changes: readonly GoldenChange[]): Image[] {
  const labels = new Map(changes.map((each) => [each.image, each.labels]));
  return images.map((each) => ({ ...each, labels: labels.get(each.id) ?? each.labels }));
}

function changesOf(plan: GoldenPlan): readonly GoldenChange[] {
  assert.ok(plan.do === "change", JSON.stringify(plan));
  return plan.changes;
}

function roles(images: readonly Image[]): string {
  return images.map(({ id, labels }) => `${id}:${labels["golden"]}`).join(" ");
}

test("goldenAge: more than seven days is old, more than fourteen too old, a clock that is behind is neither", () => {
  const verdict = (ageS: number) => goldenAge({ createdAtS: NOW_S - ageS }, NOW_S).verdict;
  assert.deepEqual([0, 7 * DAY_S, 7 * DAY_S + 1, 14 * DAY_S, 14 * DAY_S + 1, -DAY_S].map(verdict), [
    ...["fresh", "fresh", "old", "old", "too-old", "fresh"],
  ]);
});

test("promote: candidate, current, previous, retired; the pool asks for the current one", () => {
  let images = [candidate("1"), candidate("2"), candidate("3")];
  for (const [id, expected] of [
    ["1", "1:current 2:candidate 3:candidate"],
    ["2", "1:previous 2:current 3:candidate"],
    ["3", "1:retired 2:previous 3:current"],
  ] as const) {
    images = applied(images, changesOf(promote(goldenState(images, AMD), id, NOW_S)));
    assert.equal(roles(images), expected);
  }
  const state = goldenState(images, AMD);
  assert.deepEqual([state.current?.id, state.previous?.id, state.spare.map(({ id }) => id)], ["3", "2", ["1"]]);
  assert.ok(Object.entries(CURRENT_GOLDEN).every(([key, value]) => state.current?.labels[key] === value));
  // Of the current one only what a crash may have left out: its labels are as they were, and it is protected.
  assert.deepEqual(changesOf(promote(state, "3", NOW_S)), [{ image: "3", labels: state.current?.labels, isProtected: true }]);
});

test("promote: current and previous are protected from deletion, the others are not", () => {
  const images = applied([candidate("1"), candidate("2")], changesOf(promote(goldenState([candidate("1")], AMD), "1", NOW_S)));
  const changes = changesOf(promote(goldenState(images, AMD), "2", NOW_S));
  assert.deepEqual(
    changes.map((each) => [each.image, each.isProtected]),
    [
      ["2", true],
      ["1", true],
    ],
  );
  assert.equal(reject(candidate("4")).isProtected, false);
});

test("promote: what is no candidate, has no smoke build, or is too old, is refused", () => {
  const images = [
    image("1", { golden: "candidate" }),
    candidate("2", NOW_S - 15 * DAY_S),
    image("3", { golden: "rejected", "golden-smoke": "passed" }),
    { ...candidate("4"), platform: "linux/arm64" as const },
    { ...candidate("5"), labels: { golden: "candidate", "golden-smoke": "passed" } },
  ];
  for (const id of ["1", "2", "3", "4", "5", "6"]) assert.equal(promote(goldenState(images, AMD), id, NOW_S).do, "refuse", id);
  const passed = applied(images, [smokePassed(images[0] as Image)]);
  assert.equal(promote(goldenState(passed, AMD), "1", NOW_S).do, "change");
});

test("rollBack: the previous image is current again and the bad one rejected; a second time there is nothing to go back to", () => {
  let images = [candidate("1"), candidate("2")];
  for (const id of ["1", "2"]) images = applied(images, changesOf(promote(goldenState(images, AMD), id, NOW_S)));
  images = applied(images, changesOf(rollBack(goldenState(images, AMD), NOW_S)));
  assert.equal(roles(images), "1:current 2:rejected");
  assert.equal(rollBack(goldenState(images, AMD), NOW_S).do, "refuse");
  images = [...images, candidate("3")];
  images = applied(images, changesOf(promote(goldenState(images, AMD), "3", NOW_S)));
  assert.equal(roles(images), "1:previous 2:rejected 3:current");
  // From an image of 15 days no runner would be made.
  assert.equal(rollBack(goldenState(images, AMD), NOW_S + 14 * DAY_S).do, "change");
  assert.equal(rollBack(goldenState(images, AMD), NOW_S + 15 * DAY_S).do, "refuse");
});

test("golden: cut short after any change, there is a current image, it is the old or the new one, and what follows goes through", () => {
  const step = fc.constantFrom("promote" as const, "roll-back" as const);
  const crash = fc.nat(4);
  fc.assert(
    fc.property(fc.array(fc.tuple(step, crash, fc.integer({ min: -5, max: 5 })), { maxLength: 12 }), (steps) => {
      let images: Image[] = [];
      let next = 1;
      let nowS = NOW_S;
      for (const [what, done, passedS] of steps) {
        nowS += passedS;
        const before = goldenState(images, AMD);
        if (what === "promote") images = [...images, candidate(String(next++))];
        const state = goldenState(images, AMD);
        const plan = what === "promote" ? promote(state, String(next - 1), nowS) : rollBack(state, nowS);
        if (plan.do === "refuse") {
          assert.ok(what === "roll-back" && state.previous === undefined);
          continue;
        }
        const wanted = plan.changes[0]?.image;
        images = applied(images, plan.changes.slice(0, done));
        const after = goldenState(images, AMD);
        assert.equal(after.current?.id, done === 0 ? before.current?.id : wanted);
        if (done >= plan.changes.length) assert.deepEqual(after.unsettled, []);
        if (done >= plan.changes.length && what === "promote") assert.equal(after.previous?.id, before.current?.id);
      }
    }),
  );
});
