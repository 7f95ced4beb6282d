import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { graphProblems } from "../modes/graph.ts";
import { type Mode, modeSchema } from "../modes/schema.ts";
import { applyRecord, isFinal, openRun, type RunRecord, type RunState, runOutcome, stepAt } from "./state.ts";
import { viewOf } from "./view.ts";

type StepInput = {
  readonly id: string;
  readonly depends_on?: readonly { readonly step: string; readonly kind: string }[];
  readonly on_error?: { readonly strategy: string; readonly max?: number; readonly delay?: number; readonly step?: string };
};

const AT = "2026-03-01T09:00:00.000Z";

function modeOf(steps: readonly StepInput[]): Mode {
  return modeSchema.parse({ id: "m", trigger: "t", steps: steps.map((step) => ({ action: "a", actor: "Any", cmd: "true", ...step })) });
}

function begin(steps: readonly StepInput[]): RunState {
  return openRun({
    ...{ kind: "opened", run: "r", mode: modeOf(steps), root: "/", task: "", actor: "Agent", parameters: {}, at: AT, preconditions: [] },
  });
}

function ended(step: string, status: "pass" | "fail" | "skip", attempt = 1): Exclude<RunRecord, { kind: "opened" }> {
  return { kind: "ended", step, status, evidence: { attempt, startedAt: AT, endedAt: AT, actor: "Agent" } };
}

function states(state: RunState): Record<string, string> {
  return Object.fromEntries(viewOf(state, "Agent").steps.map((step) => [step.id, step.state]));
}

const after = (step: string, kind: string) => ({ depends_on: [{ step, kind }] });

describe("applyRecord: edges", () => {
  it("'Always goes when the other one has ended, 'OnSuccess only when it passed, 'OnFailure only when it failed", () => {
    const steps = [
      { id: "a", on_error: { strategy: "Continue" } },
      { id: "always", ...after("a", "Always") },
      { id: "good", ...after("a", "OnSuccess") },
      { id: "bad", ...after("a", "OnFailure") },
    ];
    assert.deepEqual(states(applyRecord(begin(steps), ended("a", "pass"))), { a: "pass", always: "ready", good: "ready", bad: "skip" });
    assert.deepEqual(states(applyRecord(begin(steps), ended("a", "fail"))), { a: "fail", always: "ready", good: "skip", bad: "ready" });
    assert.deepEqual(states(applyRecord(begin(steps), ended("a", "skip"))), { a: "skip", always: "ready", good: "skip", bad: "skip" });
  });

  it("a step that can never go is skipped at once, and what hangs on it with it", () => {
    const state = applyRecord(
      begin([
        { id: "a", on_error: { strategy: "Continue" } },
        { id: "slow" },
        { id: "b", depends_on: [...after("a", "OnSuccess").depends_on, ...after("slow", "Always").depends_on] },
        { id: "c", ...after("b", "OnSuccess") },
        { id: "d", ...after("b", "Always") },
      ]),
      ended("a", "fail"),
    );
    assert.deepEqual(states(state), { a: "fail", slow: "ready", b: "skip", c: "skip", d: "ready" });
    assert.equal(viewOf(state, "Agent").steps[2]?.why, "a did not pass");
  });
});

describe("applyRecord: on_error", () => {
  it("'Stop leaves only what comes after the failed step: the place for cleaning up", () => {
    const state = applyRecord(
      begin([{ id: "a" }, { id: "other" }, { id: "clean", ...after("a", "OnFailure") }, { id: "swept", ...after("clean", "Always") }]),
      ended("a", "fail"),
    );
    assert.deepEqual(states(state), { a: "fail", other: "skip", clean: "ready", swept: "waiting" });
    const done = ["clean", "swept"].reduce((run, step) => applyRecord(run, ended(step, "pass")), state);
    assert.equal(runOutcome(done), "failed");
  });

  it("'Continue lets the run pass", () => {
    assert.equal(runOutcome(applyRecord(begin([{ id: "a", on_error: { strategy: "Continue" } }]), ended("a", "fail"))), "passed");
  });

  it("'Retry tries again as often as it says, after its delay, then stops", () => {
    let state = begin([
      { id: "a", on_error: { strategy: "Retry", max: 2, delay: 5 } },
      { id: "b", ...after("a", "OnSuccess") },
    ]);
    for (const attempt of [1, 2]) {
      state = applyRecord(state, ended("a", "fail", attempt));
      assert.deepEqual(states(state), { a: "ready", b: "waiting" });
      assert.equal(state.steps[0]?.notBeforeMs, Date.parse(AT) + 5000);
      state = applyRecord(state, { kind: "started", step: "a", at: AT });
    }
    state = applyRecord(state, ended("a", "fail", 3));
    assert.deepEqual(states(state), { a: "fail", b: "skip" });
    assert.equal(runOutcome(state), "failed");
  });

  it("'Fallback runs its step only after the failure, and the run passes with it", () => {
    const steps = [{ id: "a", on_error: { strategy: "Fallback", step: "plan-b" } }, { id: "plan-b" }];
    assert.deepEqual(states(begin(steps)), { a: "ready", "plan-b": "waiting" });
    assert.deepEqual(states(applyRecord(begin(steps), ended("a", "pass"))), { a: "pass", "plan-b": "skip" });
    const failed = applyRecord(begin(steps), ended("a", "fail"));
    assert.deepEqual(states(failed), { a: "fail", "plan-b": "ready" });
    assert.equal(runOutcome(applyRecord(failed, ended("plan-b", "pass"))), "passed");
    assert.equal(runOutcome(applyRecord(failed, ended("plan-b", "fail"))), "failed");
  });
});

/** Modes with sound graphs: edges and fallbacks lead to earlier steps only. */
const modes = fc
  .array(
    fc.record({
      edges: fc.array(fc.tuple(fc.nat(), fc.constantFrom("Always", "OnSuccess", "OnFailure")), { maxLength: 3 }),
      error: fc.oneof(
        fc.constant({ strategy: "Stop" }),
        fc.constant({ strategy: "Continue" }),
        fc.record({ strategy: fc.constant("Retry"), max: fc.integer({ min: 1, max: 3 }) }),
        fc.constant({ strategy: "Fallback" }),
      ),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((drawn) =>
    drawn.map(({ edges, error }, index): StepInput => {
      const depends_on = index === 0 ? [] : edges.map(([on, kind]) => ({ step: `s${on % index}`, kind }));
      const fallback = error.strategy === "Fallback";
      const on_error = fallback ? (index + 1 < drawn.length ? { ...error, step: `s${index + 1}` } : { strategy: "Stop" }) : error;
      return { id: `s${index}`, depends_on, on_error };
    }),
  )
  .filter((steps) => graphProblems(modeOf(steps).steps).length === 0);

/** Plays a run to its end: which of the ready steps goes, and how it ends, are drawn. */
function play(
  steps: readonly StepInput[],
  draws: readonly number[],
  look: (before: RunState, record: RunRecord, now: RunState) => void,
): RunState {
  let state = begin(steps);
  for (let turn = 0; state.ready.length > 0; turn += 1) {
    assert.ok(turn < 500, "the run does not come to an end");
    const draw = draws[turn % draws.length] ?? 0;
    const index = state.ready[draw % state.ready.length] ?? 0;
    const { id } = stepAt(state, index);
    const status = (["pass", "fail", "skip"] as const)[Math.floor(draw / 7) % 3] ?? "pass";
    const records = [{ kind: "started", step: id, at: AT } as const, ended(id, status, (state.steps[index]?.evidence.length ?? 0) + 1)];
    for (const record of records) {
      const now = applyRecord(state, record);
      look(state, record, now);
      state = now;
    }
  }
  return state;
}

const plays = fc.tuple(modes, fc.array(fc.nat(1000), { minLength: 1, maxLength: 30 }));

describe("applyRecord: properties", () => {
  it("every run comes to an end: nothing waits for ever, and the outcome is known", () => {
    fc.assert(
      fc.property(plays, ([steps, draws]) => {
        const state = play(steps, draws, () => undefined);
        assert.equal(state.unfinished, 0);
        assert.ok(state.steps.every((step) => isFinal(step.state)));
        assert.notEqual(runOutcome(state), "open");
      }),
    );
  });

  it("a final state stays, and no step goes before its edges are met", () => {
    fc.assert(
      fc.property(plays, ([steps, draws]) => {
        play(steps, draws, (before, record, now) => {
          for (const [index, step] of before.steps.entries()) if (isFinal(step.state)) assert.equal(now.steps[index]?.state, step.state);
          if (record.kind !== "started") return;
          const index = before.graph.indexOf.get(record.step) ?? -1;
          for (const { on, kind } of before.graph.needs[index] ?? []) {
            const outcome = before.steps[on]?.state;
            assert.ok(outcome !== undefined && isFinal(outcome));
            if (kind !== "Always") assert.equal(outcome, kind === "OnSuccess" ? "pass" : "fail");
          }
        });
      }),
    );
  });

  it("`ready` and `unfinished` are what the steps say", () => {
    fc.assert(
      fc.property(plays, ([steps, draws]) => {
        play(steps, draws, (_before, _record, now) => {
          const ready = now.steps.flatMap((step, index) => (step.state === "ready" ? [index] : []));
          assert.deepEqual(
            [...now.ready].sort((a, b) => a - b),
            ready,
          );
          assert.equal(now.unfinished, now.steps.filter((step) => !isFinal(step.state)).length);
        });
      }),
    );
  });

  it("the same events give the same run, wherever they are cut and read again", () => {
    fc.assert(
      fc.property(plays, fc.nat(), ([steps, draws], cut) => {
        const records: Exclude<RunRecord, { kind: "opened" }>[] = [];
        const state = play(steps, draws, (_before, record) => {
          if (record.kind !== "opened") records.push(record);
        });
        const half = cut % (records.length + 1);
        const first = records.slice(0, half).reduce(applyRecord, begin(steps));
        const again = records.slice(half).reduce(applyRecord, first);
        assert.deepEqual(viewOf(again, "Agent"), viewOf(state, "Agent"));
      }),
    );
  });
});
