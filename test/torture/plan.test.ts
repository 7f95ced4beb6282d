import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FAULTS } from "./faults/index.ts";
import { SEATS } from "./load/step.ts";
import { drawPlan } from "./plan.ts";

const OPTIONS = { seed: "1", durationMs: 20 * 60_000, perSecond: 3 } as const;

describe("drawPlan", () => {
  it("same seed, same plan", () => {
    assert.deepEqual(drawPlan(OPTIONS), drawPlan({ ...OPTIONS }));
  });

  it("another seed, another plan; and more time only adds to its end", () => {
    const [plan, other] = [drawPlan(OPTIONS), drawPlan({ ...OPTIONS, seed: "2" })];
    assert.notDeepEqual(plan.lanes, other.lanes);
    assert.notDeepEqual(plan.load, other.load);
    const shorter = drawPlan({ ...OPTIONS, durationMs: 60_000 });
    for (const [index, lane] of shorter.lanes.entries()) assert.deepEqual(lane, plan.lanes[index]?.slice(0, lane.length));
    assert.deepEqual(shorter.load, plan.load.slice(0, shorter.load.length));
  });

  it("every fault of the deck comes in twenty minutes", () => {
    const drawn = new Set(
      drawPlan(OPTIONS)
        .lanes.flat()
        .map(({ fault }) => fault),
    );
    const missing = FAULTS.filter(({ name, times = 1 }) => times > 0 && !drawn.has(name)).map(({ name }) => name);
    assert.deepEqual(missing, []);
  });

  it("faults of a lane follow each other, and last as long as they may", () => {
    for (const lane of drawPlan(OPTIONS).lanes) {
      for (const [index, { atMs, holdMs, fault }] of lane.entries()) {
        const [least, most] = FAULTS.find(({ name }) => name === fault)?.holdMs ?? [0, 0];
        assert.ok(holdMs >= least && holdMs <= most, `${fault} lasts ${holdMs} ms`);
        const before = lane[index - 1];
        if (before !== undefined) assert.ok(atMs >= before.atMs + before.holdMs);
      }
    }
  });

  it("the load is spread over principals, kinds and outcomes, at about the rate that was asked for", () => {
    const { load } = drawPlan(OPTIONS);
    const perSecond = load.length / (OPTIONS.durationMs / 1000);
    assert.ok(perSecond > 2.7 && perSecond < 3.3, `${perSecond} ops per second`);
    for (const issuer of Object.values(SEATS).flat())
      assert.ok(
        load.some((step) => step.issuer === issuer),
        issuer,
      );
    for (const op of ["component.deploy", "component.restart", "component.remove", "desired.apply"])
      assert.ok(
        load.some((step) => step.op === op),
        op,
      );
    assert.ok(
      load.some(({ twice }) => twice) && load.some(({ words }) => words.length === 2) && load.some(({ versionError }) => versionError > 0),
    );
    assert.deepEqual(
      load.map(({ id }) => id),
      load.map((_, index) => index + 1),
    );
  });

  it("only: those faults and no other; one that does not exist is refused", () => {
    const drawn = new Set(
      drawPlan({ ...OPTIONS, only: ["kill", "poison"] })
        .lanes.flat()
        .map(({ fault }) => fault),
    );
    assert.deepEqual(drawn, new Set(["kill", "poison"]));
    assert.throws(() => drawPlan({ ...OPTIONS, only: ["kil"] }), /there is no fault kil; there are kill, /);
  });
});

describe("FAULTS", () => {
  it("have names of their own", () => {
    assert.equal(new Set(FAULTS.map(({ name }) => name)).size, FAULTS.length);
  });
});
