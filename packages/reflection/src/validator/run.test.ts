import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { silentLogger } from "@triplane/kit";
import { manualClock, tempDir } from "@triplane/testkit";
import { CHECKS_OF } from "../validation/checks/index.ts";
import { HistoryFile } from "../validation/history.ts";
import type { ValidationName, ValidationReport } from "../validation/types.ts";
import { Validator } from "./run.ts";

const RETRY_MS = 60_000;
const PERIOD_S = 10;

describe("Validator.look", () => {
  async function validator(note: boolean) {
    const folder = await tempDir("validator");
    const clock = manualClock();
    const history = new HistoryFile(folder.path, clock);
    const tried: ValidationName[] = [];
    const made = new Validator({
      ...{ history, clock, logger: silentLogger, show: () => undefined, signal: new AbortController().signal },
      ...{ firstLookMs: 0, pollMs: 1, periodS: PERIOD_S, retryMs: RETRY_MS },
      validate: async (validation) => {
        tried.push(validation);
        if (note) await history.note([wholeRun(validation, clock.nowMs())]);
      },
    });
    return { folder, clock, tried, made };
  }

  function wholeRun(validation: ValidationName, nowMs: number): ValidationReport {
    const checks = CHECKS_OF[validation].map(({ id, invariant, what }) => ({
      ...{ id, invariant, what, verdict: "pass" as const, lookedAt: "here", saw: "it holds", tookMs: 1 },
    }));
    return { validation, workspace: "w1", at: new Date(nowMs).toISOString(), verdict: "pass", complete: true, checks };
  }

  it("runs what is due once, and again when its period is over", async () => {
    const { folder, clock, tried, made } = await validator(true);
    await using _ = folder;
    await made.look();
    assert.equal(tried.length, 3);
    clock.advance(PERIOD_S * 1000 - 1);
    await made.look();
    assert.equal(tried.length, 3);
    clock.advance(1);
    await made.look();
    assert.equal(tried.length, 6);
  });

  it("tries what leaves nothing in the history again after the pause, not before", async () => {
    const { folder, clock, tried, made } = await validator(false);
    await using _ = folder;
    await made.look();
    clock.advance(RETRY_MS - 1);
    await made.look();
    assert.equal(tried.length, 3);
    clock.advance(1);
    await made.look();
    assert.equal(tried.length, 6);
  });
});
