import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it } from "node:test";
import { FAULTS } from "./faults/index.ts";
import { asText, survived } from "./report.ts";
import { torture } from "./torture.ts";

// TORTURE_SEED draws a campaign again.
const SEED = process.env["TORTURE_SEED"] ?? String(randomInt(1_000_000_000));
const DURATION_MS = 60_000;

describe("a workspace under torture", () => {
  for (const fault of FAULTS) {
    it(`${fault.name}: can be inflicted here`, async (test) => {
      const reason = await fault.needs();
      if (reason !== undefined) test.skip(`${fault.name} is NOT inflicted: ${reason}`);
    });
  }

  it("keeps its promises for a minute (`every-command-lands`, `applied-once`)", { timeout: 480_000 }, async (test) => {
    test.diagnostic(`TORTURE_SEED=${SEED}`);
    const lines: string[] = [];
    const options = { seed: SEED, durationMs: DURATION_MS, perSecond: 3 };
    const { result, kept } = await torture(options, { line: (text) => void lines.push(text) });
    const text = asText(result);
    for (const line of text.split("\n").slice(0, 40)) test.diagnostic(line);
    const again = `npm run torture -- --minutes ${DURATION_MS / 60_000} --seed ${SEED}`;
    assert.ok(survived(result), `${text}\n${result.history.join("\n")}\nkept in ${kept}; again: ${again}\n${lines.slice(-10).join("\n")}`);
  });
});
