import assert from "node:assert/strict";
import { appendFile, readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { rejects, tempDir } from "@triplane/testkit";
import { alarming, HistoryFile, KEPT_RUNS } from "./history.ts";
import { runValidation, validationNamed } from "./run.ts";
import { dueValidations } from "./schedule.ts";
import { check, fail, pass, type Source, sharedSource } from "./source.ts";
import type { Surroundings } from "./surroundings.ts";
import type { ValidationName, ValidationReport, Verdict } from "./types.ts";

const DAY_S = 86_400;
const NOW_S = 1_800_000_000;
const clock = { nowMs: () => NOW_S * 1000 };

function report(verdicts: Readonly<Record<string, Verdict>>, validation: ValidationName = "validate-ops-contract"): ValidationReport {
  const checks = Object.entries(verdicts).map(([id, verdict]) => ({
    ...({ id, verdict, invariant: "no-fail-open", what: "something holds", lookedAt: "here", saw: `it is ${verdict}`, tookMs: 1 } as const),
  }));
  return { validation, workspace: "w1", at: new Date(NOW_S * 1000).toISOString(), verdict: "pass", complete: true, checks };
}

describe("HistoryFile", () => {
  it("tells what changed since the same check was made last, and which of it is alarming (no-fail-open)", async () => {
    await using folder = await tempDir("history");
    const history = new HistoryFile(folder.path, clock);
    assert.deepEqual((await history.note([report({ a: "pass", b: "pass", c: "skip", d: "fail" })])).changes, []);
    await history.note([report({ a: "pass" })]);
    const { changes } = await history.note([report({ a: "fail", b: "unknown", c: "pass", d: "pass" })]);
    assert.deepEqual(
      changes.map(({ check: id, before, now }) => `${id}: ${before} → ${now}`),
      ["a: pass → fail", "b: pass → unknown", "c: skip → pass", "d: fail → pass"],
    );
    assert.deepEqual(
      alarming(changes).map(({ check: id }) => id),
      ["a", "b"],
    );
  });

  it("leaves out a torn line, tells of it, and goes on", async () => {
    await using folder = await tempDir("history");
    const history = new HistoryFile(folder.path, clock);
    await history.note([report({ a: "pass" })]);
    await appendFile(history.path, '{"validation":"validate-ops-co');
    assert.deepEqual([(await history.read()).runs.length, (await history.read()).damaged], [1, 1]);
    assert.equal((await history.note([report({ a: "fail" })])).changes.length, 1);
    assert.deepEqual([(await history.read()).runs.length, (await history.read()).damaged], [2, 0]);
  });

  it("loses nothing where two write at once, and keeps the newest runs of each validation", async () => {
    await using folder = await tempDir("history");
    const many = Array.from({ length: KEPT_RUNS }, () => report({ a: "pass" }));
    await new HistoryFile(folder.path, clock).note([report({ z: "pass" }, "validate-playbooks"), ...many]);
    await Promise.all([1, 2, 3].map(() => new HistoryFile(folder.path, clock).note([report({ a: "fail" })])));
    const { runs } = await new HistoryFile(folder.path, clock).read();
    assert.equal(runs.length, KEPT_RUNS + 1);
    assert.deepEqual(
      runs.slice(-3).map(({ checks }) => checks[0]?.verdict),
      ["fail", "fail", "fail"],
    );
    assert.equal((await readFile(new HistoryFile(folder.path, clock).path, "utf8")).split("\n").length, KEPT_RUNS + 2);
  });
});

describe("dueValidations", () => {
  it("runs what never ran and what is a period old; an hour ago is enough, and a time to come is none", () => {
    const ran = (validation: ValidationName, agoS: number, checks = 20) => ({
      ...{ validation, workspace: "w1", at: "2026-01-01T00:00:00Z", ended_s: NOW_S - agoS, verdict: "pass" as const },
      checks: Array.from({ length: checks }, (_, index) => ({ id: `c${index}`, verdict: "pass" as const, saw: "", took_ms: 1 })),
    });
    assert.equal(dueValidations([], NOW_S).length, 3);
    const all = [ran("validate-ops-contract", DAY_S), ran("validate-radicle-governance", 3600), ran("validate-build-infrastructure", -5)];
    assert.deepEqual(dueValidations(all, NOW_S), ["validate-build-infrastructure", "validate-ops-contract"]);
    assert.deepEqual(dueValidations(all, NOW_S, 3601), ["validate-build-infrastructure", "validate-ops-contract"]);
    assert.deepEqual(dueValidations(all, NOW_S, 3600).at(-1), "validate-radicle-governance");
    // A part of its checks is not a run of it.
    assert.ok(dueValidations([ran("validate-ops-contract", 10, 1)], NOW_S).includes("validate-ops-contract"));
  });
});

describe("check", () => {
  const around = { nowS: () => NOW_S };
  const made = (source: Source<number>) =>
    check({
      ...{ id: "small", invariant: "no-fail-open", what: "It is small.", source: () => source },
      judge: (facts: number) => (facts < 10 ? pass(`${facts}`) : fail(`${facts}`, "make it smaller")),
    }).look(around, new AbortController().signal);

  it("judges what was read; what cannot be read is unknown, what is not there is skipped (no-fail-open)", async () => {
    assert.deepEqual(await made({ where: "here", read: async () => 3 }), { verdict: "pass", lookedAt: "here", saw: "3" });
    assert.equal((await made({ where: "here", read: async () => 30 })).verdict, "fail");
    const broken = await made({ where: "here", read: () => Promise.reject(new Error("no")) });
    assert.deepEqual([broken.verdict, broken.saw], ["unknown", "it could not be looked at: no (internal)"]);
    assert.deepEqual(await made({ absent: "there is none" }), { verdict: "skip", lookedAt: "", saw: "there is none" });
  });

  it("sharedSource reads once, whoever asks", async () => {
    let reads = 0;
    const source = sharedSource({ where: "here", read: async () => ++reads });
    await Promise.all([made(source), made(source)]);
    assert.equal(reads, 1);
  });
});

describe("runValidation", () => {
  it("refuses names that it does not know", async () => {
    assert.equal(validationNamed("ops-contract"), "validate-ops-contract");
    await rejects((async () => validationNamed("validate-weather"))(), "validation_unknown");
    const surroundings = { workspace: "w1", nowS: () => NOW_S } as unknown as Surroundings;
    await rejects(runValidation("validate-ops-contract", surroundings, { only: ["no-such-check"] }), "validation_unknown");
  });
});
