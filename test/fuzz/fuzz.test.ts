import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Finding, runDoor } from "./campaign.ts";
import { DOORS } from "./doors/index.ts";
import { Dice, mutate } from "./mutate.ts";

// FUZZ_SEED draws the same inputs again; `npm run fuzz` is the long form of this.
const SEED = Number(process.env["FUZZ_SEED"] ?? randomInt(2 ** 31));
const MS = 700;

describe("doors: broken input is accepted or refused with a code (no-fail-open)", () => {
  for (const door of Object.keys(DOORS)) {
    it(door, async (test) => {
      const { inputs, outcomes, finding } = await runDoor({ door, seed: SEED, ms: MS });
      test.diagnostic(`FUZZ_SEED=${SEED}: ${inputs} inputs`);
      const shown = finding === undefined ? "" : `${finding.kind}: ${finding.error}\n${Buffer.from(finding.input).toString("base64")}`;
      assert.equal(finding, undefined, `FUZZ_SEED=${SEED} ${shown}`);
      assert.ok((outcomes["accepted"] ?? 0) > 0, "a door that accepts nothing is not open: its seeds are wrong");
    });
  }
});

describe("runDoor: finds a door that", () => {
  const module = join(import.meta.dirname, "testing/broken-doors.ts");
  const cases: readonly (readonly [string, Finding["kind"]])[] = [
    ["crashes", "crash"],
    ["hangs", "hang"],
    ["fills", "memory"],
    ["throwsAnything", "uncoded"],
  ];
  for (const [door, kind] of cases) {
    it(`${door}, and keeps the input`, async () => {
      const { finding } = await runDoor({ door, seed: 1, ms: 60_000, module }, { hangMs: kind === "hang" ? 3_000 : 60_000 });
      assert.equal(finding?.kind, kind, finding?.error);
      assert.notEqual(Buffer.from(finding.input).toString("utf8"), "fine");
    });
  }
});

describe("mutate", () => {
  it("draws the same inputs from the same seed", () => {
    const seeds = [Buffer.from('{"a":[1,2,3]}'), Buffer.from("x = 1")];
    const draw = (): string[] => {
      const dice = new Dice(7);
      return Array.from({ length: 200 }, () => Buffer.from(mutate(seeds, dice, ["word"])).toString("base64"));
    };
    assert.deepEqual(draw(), draw());
    assert.ok(new Set(draw()).size > 150);
  });
});
