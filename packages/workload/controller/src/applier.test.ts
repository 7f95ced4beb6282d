import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { type ApplyResult, digestOf, type FailureCode, type Op, subjects, TriplaneError } from "@triplane/contract";
import { eventually } from "@triplane/testkit";
import { Applier } from "./applier.ts";
import type { Orchestrator } from "./ports.ts";
import { Positions } from "./positions.ts";
import type { AcceptedRow } from "./rows.ts";
import type { Queued } from "./schedule.ts";
import { applyRequestOf } from "./service.ts";
import { type EffectsBench, useEffectsBench } from "./testing/effects-bench.ts";
import { WORKSPACE } from "./testing/world.ts";

const current = useEffectsBench();
let bench: EffectsBench;
beforeEach(() => {
  bench = current();
});

interface Accepted extends Queued {
  readonly row: AcceptedRow;
  readonly op: Op;
}

describe("Applier", () => {
  interface Scripted extends Orchestrator {
    readonly said: (string | FailureCode)[];
  }
  /** Answers each call with the next word: a status, or a failure code. */
  function orchestrator(...words: readonly (ApplyResult["status"] | FailureCode)[]): Scripted {
    const said: string[] = [];
    const answer = async (what: string, jti: string): Promise<ApplyResult> => {
      const word = words[Math.min(said.length, words.length - 1)] ?? "unavailable";
      said.push(`${what}: ${word}`);
      if (word !== "applied" && word !== "failed" && word !== "conflict" && word !== "running")
        throw new TriplaneError(word, "as scripted");
      const row = await bench.records.op(jti);
      const digest = row?.op_digest ?? digestOf("");
      const state = { state_version_before: 0, state_version_after: 1, workspace_revision: 1, evidence: {} };
      return { jti, op_digest: digest, status: word, target: "web", ...state };
    };
    return { said, op: (jti) => answer("ask", jti), apply: (request) => answer("apply", request.jti) };
  }

  async function accept(target = "web"): Promise<Accepted> {
    await (await bench.intake()).handle([bench.message(bench.world.admission(bench.world.op({ target })))]);
    bench.trace = [];
    const accepted = bench.accepted.at(-1);
    assert.ok(accepted !== undefined);
    const { subject, position } = accepted.row;
    return { ...accepted, subject, target, position };
  }

  function applier(scripted: Orchestrator, fatal: TriplaneError[] = [], signal = new AbortController().signal): Applier {
    const parts = { ...bench.shared(), positions: new Positions(100), clock: bench.clock, fence: 4, seen: undefined, parallel: 2, signal };
    return new Applier({ ...parts, orchestrator: scripted, onFatal: (error) => fatal.push(error) });
  }

  it("new op: applied without asking; result and outbox row in one commit (applied-once)", async () => {
    const op = await accept();
    const scripted = orchestrator("applied");
    const working = applier(scripted);
    working.push(op.row, op.op);
    await working.idle();
    assert.deepEqual(scripted.said, ["apply: applied"]);
    assert.deepEqual(bench.trace, ["commit replace ops + create outbox"]);
    assert.equal((await bench.records.op(op.subject))?.state, "finished");
    assert.equal(working.depth, 0);
  });

  it("pitfall 11: op of an earlier process: the orchestrator is asked first, and told again only what it does not know", async () => {
    const known = await accept("a");
    const asked = orchestrator("applied");
    const one = applier(asked);
    one.resume([known]);
    await one.idle();
    assert.deepEqual(asked.said, ["ask: applied"]);
    const unknown = await accept("b");
    const told = orchestrator("op_unknown", "applied");
    const two = applier(told);
    two.resume([unknown]);
    await two.idle();
    assert.deepEqual(told.said, ["ask: op_unknown", "apply: applied"]);
  });

  it("op in hand: taking it up again changes nothing (applied-once)", async () => {
    const op = await accept();
    const answered = Promise.withResolvers<void>();
    const scripted = orchestrator("applied");
    const working = applier({
      ...scripted,
      apply: async (request, signal) => {
        await answered.promise;
        return scripted.apply(request, signal);
      },
    });
    working.push(op.row, op.op);
    working.resume([op]);
    assert.equal(working.depth, 1);
    answered.resolve();
    await working.idle();
    working.resume([op]);
    await working.idle();
    assert.deepEqual(scripted.said, ["apply: applied"]);
  });

  it("orchestrator that answers and takes no op: is told of, as one that does not answer", async () => {
    const op = await accept();
    const stopping = new AbortController();
    const scripted = orchestrator(...Array.from({ length: 5 }, () => ["unavailable", "op_unknown"] as const).flat());
    const working = applier(scripted, [], stopping.signal);
    working.push(op.row, op.op);
    const alarms = () => bench.published.filter(({ subject }) => subject === subjects(WORKSPACE).alarm);
    await eventually(() => alarms().length > 0, { timeoutMs: 30_000 });
    stopping.abort();
    await working.idle();
    assert.deepEqual([alarms().length, JSON.parse(alarms()[0]?.text ?? "{}")["code"]], [1, "unavailable"]);
  });

  it("pitfall 11: unclear answer: asked before it is sent again; still running: asked until it ends", async () => {
    const op = await accept();
    const scripted = orchestrator("unavailable", "running", "running", "failed");
    const working = applier(scripted);
    working.push(op.row, op.op);
    await working.idle();
    assert.deepEqual(scripted.said, ["apply: unavailable", "ask: running", "ask: running", "ask: failed"]);
    const row = await bench.records.op(op.subject);
    assert.ok(row?.state === "finished" && row.outcome === "failed" && row.code === "apply_failed");
  });

  it("refused call: ends as failed with the orchestrator's code, nothing is tried again", async () => {
    const op = await accept();
    const scripted = orchestrator("request_invalid");
    const working = applier(scripted);
    working.push(op.row, op.op);
    await working.idle();
    const row = await bench.records.op(op.subject);
    assert.ok(row?.state === "finished" && row.outcome === "failed" && row.code === "request_invalid");
    assert.equal(scripted.said.length, 1);
  });

  it("stale fence: ends the controller, the op stays accepted for the one that took over", async () => {
    const op = await accept();
    const fatal: TriplaneError[] = [];
    const working = applier(orchestrator("fencing_stale"), fatal);
    working.push(op.row, op.op);
    await working.idle();
    assert.deepEqual(
      fatal.map(({ code }) => code),
      ["fencing_stale"],
    );
    assert.equal((await bench.records.op(op.subject))?.state, "accepted");
  });

  it("newest result that the orchestrator gave: told with every apply, of this process and those before it (applied-once)", async () => {
    const seen: unknown[] = [];
    const scripted = orchestrator("applied", "conflict", "applied");
    const counting: Orchestrator = {
      ...scripted,
      apply: async (request, signal) => {
        seen.push(request.seen);
        return { ...(await scripted.apply(request, signal)), workspace_revision: [7, 6, 8][seen.length - 1] ?? 0 };
      },
    };
    const ops: Accepted[] = [];
    const one = applier(counting);
    for (const target of ["a", "b", "c"]) {
      const op = await accept(target);
      ops.push(op);
      one.push(op.row, op.op);
      await one.idle();
    }
    const first = { jti: ops[0]?.subject, revision: 7 };
    assert.deepEqual(seen, [undefined, first, first]);
    assert.deepEqual(await bench.records.seen(), { jti: ops[2]?.subject, revision: 8 });
  });

  it("state_lost: nothing ends, and people are told at once", async () => {
    const op = await accept();
    const stopping = new AbortController();
    const scripted = orchestrator("state_lost", "op_unknown");
    const working = applier(scripted, [], stopping.signal);
    working.push(op.row, op.op);
    const alarms = () => bench.published.filter(({ subject }) => subject === subjects(WORKSPACE).alarm);
    await eventually(() => alarms().length > 0);
    stopping.abort();
    await working.idle();
    assert.equal(JSON.parse(alarms()[0]?.text ?? "{}")["code"], "state_lost");
    assert.equal((await bench.records.op(op.subject))?.state, "accepted");
  });

  it("stopped in the middle: the op stays accepted", async () => {
    const op = await accept();
    const stopping = new AbortController();
    const scripted = orchestrator("unavailable");
    const working = applier(scripted, [], stopping.signal);
    working.push(op.row, op.op);
    await eventually(() => scripted.said.length > 0);
    stopping.abort();
    await working.idle();
    assert.equal((await bench.records.op(op.subject))?.state, "accepted");
    assert.equal((await bench.records.unfinished()).length, 1);
  });

  it("answer about other bytes: is not taken for the op's", async () => {
    const op = await accept();
    const request = applyRequestOf(op.op, 1);
    const state = { state_version_before: 0, state_version_after: 1, workspace_revision: 1, evidence: {} };
    const other: ApplyResult = { jti: request.jti, op_digest: digestOf("other"), status: "applied", target: "web", ...state };
    const working = applier({ op: async () => other, apply: async () => other });
    working.push(op.row, op.op);
    await working.idle();
    const ended = await bench.records.op(op.subject);
    assert.ok(ended?.state === "finished" && ended.outcome === "failed" && ended.code === "jti_reused");
  });
});
