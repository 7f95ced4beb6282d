import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type ApplyResult,
  type FailureCode,
  type Json,
  MAX_TOKEN_BYTES,
  nowSeconds,
  TriplaneError,
  verifyAuditRecord,
} from "@triplane/contract";
import { type VerifiedDecision, verifyDecision } from "@triplane/policy";
import { manualClock, TEST_COMMIT } from "@triplane/testkit";
import { outcomeOf, outcomeOfRefusedCall } from "./record.ts";
import { type AcceptedRow, documentOf, type OpRow, opRowSchema, readRow } from "./rows.ts";
import { applyRequestOf, ControllerService, type IntakeStep, type Known, opOf, subjectsOf } from "./service.ts";
import { AUDIENCE, refOf, world } from "./testing/world.ts";

const UNKNOWN: Known = { byJti: undefined, byDigest: undefined };

function parts() {
  const made = world();
  const clock = manualClock();
  const service = new ControllerService({ audience: AUDIENCE, key: made.keys.controller, clock });
  const loaded = { policy: made.policy, digest: refOf(made.policy, TEST_COMMIT).digest, files: new Map() };
  const proven = (compact: string): VerifiedDecision =>
    verifyDecision({ compact, audience: AUDIENCE, policyAt: (commit) => (commit === TEST_COMMIT ? loaded : undefined) });
  const takeIn = (compact: string, known: Known = UNKNOWN, position = 1): IntakeStep =>
    service.takeIn({ decision: proven(compact), compact, known, streamSeq: 5, nowS: nowSeconds(clock), position });
  const accepted = (compact: string): AcceptedRow => {
    const step = takeIn(compact);
    assert.equal(step.kind, "accept");
    return step.row as AcceptedRow;
  };
  return { ...made, clock, service, proven, takeIn, accepted };
}

function resultOf(row: AcceptedRow, changes: Partial<ApplyResult> = {}): ApplyResult {
  const request = applyRequestOf(opOf(row), 1);
  const about = { jti: request.jti, op_digest: request.op_digest, target: request.target };
  return { ...about, status: "applied", state_version_before: 0, state_version_after: 1, workspace_revision: 3, evidence: {}, ...changes };
}

describe("ControllerService.takeIn", () => {
  it("new admission: is accepted under its jti with everything that applying needs (persist-before-ack)", () => {
    const { op, admission, takeIn } = parts();
    const made = op({ target: "web", args: { n: 1 } });
    const compact = admission(made);
    const step = takeIn(compact);
    assert.equal(step.kind, "accept");
    assert.deepEqual(
      [step.row.subject, step.row.op_digest, step.row.stream_seq, step.row.position],
      [made.claims.jti, made.token.digest, 5, 1],
    );
    assert.deepEqual(step.row.answer_to, { principal: "ana", jti: made.claims.jti });
    const row = readRow(documentOf(step.row), opRowSchema, "row");
    assert.deepEqual(row, step.row);
    const request = applyRequestOf(opOf(row as AcceptedRow), 9, { jti: made.claims.jti, revision: 4 });
    assert.deepEqual([request.fence, request.seen?.revision, request.args, request.target], [9, 4, { n: 1 }, "web"]);
    assert.equal(request.op_digest, made.token.digest);
  });

  it("admission that the policy in force takes back: recorded as refused, never applied (every-command-lands)", () => {
    const { op, admission, service, proven, clock } = parts();
    const made = op({ target: "web" });
    const compact = admission(made);
    const step = service.takeIn({
      decision: proven(compact),
      compact,
      withheld: { code: "policy_changed", fact: "no rule" },
      known: UNKNOWN,
      streamSeq: 5,
      nowS: nowSeconds(clock),
      position: 1,
    });
    assert.equal(step.kind, "finish");
    const { claims } = verifyAuditRecord((step.row as Extract<OpRow, { state: "finished" }>).record);
    assert.deepEqual([claims.subject, claims.outcome, claims.code], [made.claims.jti, "refused", "policy_changed"]);
    assert.deepEqual(claims.evidence, { fact: "no rule" });
  });

  it("known op on its way: nothing is decided again", () => {
    const { op, admission, takeIn, accepted } = parts();
    const compact = admission(op());
    assert.equal(takeIn(compact, { byJti: accepted(compact), byDigest: undefined }, 2).kind, "in_hand");
  });

  it("known op that ended: the same receipt again, whatever the keeper says now", () => {
    const { op, admission, refusal, service, takeIn, accepted } = parts();
    const made = op();
    const row = accepted(admission(made));
    const finished = service.finish(row, outcomeOf(resultOf(row)), 2);
    for (const compact of [admission(made), refusal(made, { code: "sequence_gap", consumes_seq: false })]) {
      const step = takeIn(compact, { byJti: finished.row, byDigest: undefined }, 3);
      assert.equal(step.kind, "receipt");
      assert.equal(step.kind === "receipt" && step.outbox.kind === "audit" && step.outbox.record, finished.row.record);
    }
  });

  it("other op with a known jti: a jti_reused record under its own digest, and again the same one", () => {
    const { op, admission, takeIn, accepted } = parts();
    const first = op();
    const known = accepted(admission(first));
    const thief = op({ jti: first.claims.jti, target: "db" });
    const step = takeIn(admission(thief), { byJti: known, byDigest: undefined });
    assert.equal(step.kind, "finish");
    const { claims } = verifyAuditRecord((step.row as Extract<OpRow, { state: "finished" }>).record);
    assert.deepEqual([claims.subject, claims.outcome, claims.code, claims.target], [thief.token.digest, "refused", "jti_reused", "db"]);
    const again = takeIn(admission(thief), { byJti: known, byDigest: step.row });
    assert.equal(again.kind, "receipt");
  });

  it("refusal: recorded under the jti with the keeper's code; under the digest where the jti is not theirs or is none", () => {
    const { op, refusal, takeIn, accepted, admission } = parts();
    const made = op({ op: "component.remove" });
    const recordOf = (step: IntakeStep) => {
      assert.equal(step.kind, "finish");
      return verifyAuditRecord((step.row as Extract<OpRow, { state: "finished" }>).record).claims;
    };
    const plain = recordOf(takeIn(refusal(made)));
    assert.deepEqual([plain.subject, plain.outcome, plain.code, plain.basis], [made.claims.jti, "refused", "policy_denied", "refusal"]);
    const reused = recordOf(takeIn(refusal(made, { code: "jti_reused", consumes_seq: false })));
    assert.equal(reused.subject, made.token.digest);
    const first = op();
    const sameJti = op({ jti: first.claims.jti });
    const known = { byJti: accepted(admission(first)), byDigest: undefined };
    const taken = recordOf(takeIn(refusal(sameJti, { code: "sequence_gap", consumes_seq: false }), known));
    assert.deepEqual([taken.subject, taken.code], [sameJti.token.digest, "sequence_gap"]);
    const nameless = refusal(made, { op: undefined, op_jti: undefined, code: "token_malformed", consumes_seq: false });
    const none = recordOf(takeIn(nameless));
    assert.deepEqual([none.subject, none.target], [made.token.digest, undefined]);
  });

  it("late op: its expiry was judged when it was taken in, not here", () => {
    const { op, admission, takeIn, clock } = parts();
    const compact = admission(op());
    clock.advance(30 * 24 * 3600 * 1000);
    assert.equal(takeIn(compact).kind, "accept");
  });

  it("subjectsOf: jti and digest of the op, or the digest alone", () => {
    const { op, admission, refusal, proven } = parts();
    const made = op();
    assert.deepEqual(subjectsOf(proven(admission(made))), { jti: made.claims.jti, digest: made.token.digest });
    const nameless = refusal(made, { op: undefined, op_jti: undefined, code: "json_invalid", consumes_seq: false });
    assert.deepEqual(subjectsOf(proven(nameless)), { jti: undefined, digest: made.token.digest });
  });
});

describe("ControllerService.finish", () => {
  it("same inputs give the same bytes, so that publishing again sends what was stored", () => {
    const { op, admission, accepted, service } = parts();
    const row = accepted(admission(op()));
    const outcome = outcomeOf(resultOf(row));
    assert.deepEqual(service.finish(row, outcome, 2), service.finish(row, outcome, 2));
  });

  it("applied-once: recorded again at another time, by a controller whose disk lost the first record, it is the same record", () => {
    const { op, admission, accepted, service, clock } = parts();
    const row = accepted(admission(op()));
    for (const finishedAtS of [row.accepted_at + 3, row.accepted_at - 3]) {
      const outcome = outcomeOf(resultOf(row, { finished_at: finishedAtS }));
      const first = service.finish(row, outcome, 2);
      clock.advance(60_000);
      const again = service.finish(row, outcome, 2);
      assert.equal(again.row.record, first.row.record);
      const { claims } = verifyAuditRecord(first.row.record);
      assert.equal(claims.finished_at, Math.max(row.accepted_at, finishedAtS));
    }
  });

  it("result: outcome, code, versions, revision and evidence go into the record; the row keeps no second copy of the decision", () => {
    const { op, admission, accepted, service, clock } = parts();
    const row = accepted(admission(op()));
    clock.advance(4000);
    const { row: finished, outbox } = service.finish(
      row,
      outcomeOf(resultOf(row, { status: "conflict", code: "plan_changed", evidence: { a: [1] } })),
      2,
    );
    const { claims } = verifyAuditRecord(finished.record);
    assert.deepEqual([claims.outcome, claims.code, claims.evidence], ["conflict", "plan_changed", { a: [1] }]);
    assert.deepEqual([claims.state_version_before, claims.state_version_after, claims.workspace_revision], [0, 1, 3]);
    assert.equal(claims.finished_at - claims.accepted_at, 4);
    assert.ok(!("decision" in finished) && claims.decision === row.decision);
    assert.equal(outbox.kind === "audit" && outbox.record, finished.record);
    assert.deepEqual(readRow(documentOf(finished), opRowSchema, "row"), finished);
  });

  it("codes that the table does not have are not passed on", () => {
    const { op, admission, accepted } = parts();
    const row = accepted(admission(op()));
    assert.equal(outcomeOf(resultOf(row, { status: "failed", code: "made_up" })).code, "apply_failed");
    assert.equal(outcomeOf(resultOf(row, { status: "conflict" })).code, "version_conflict");
    assert.throws(
      () => outcomeOf(resultOf(row, { status: "running" })),
      (error) => error instanceof TriplaneError && error.code === "internal",
    );
    const refused = outcomeOfRefusedCall(row, new TriplaneError("args_invalid", "args.image: missing"));
    assert.deepEqual([refused.outcome, refused.code], ["failed", "args_invalid" satisfies FailureCode]);
  });

  it("evidence that is too large: its digest stands for it, and the record still fits", () => {
    const { op, admission, accepted, service } = parts();
    const row = accepted(admission(op({ args: { bulk: "x".repeat(6000) } })));
    const evidence: { [key: string]: Json } = { log: "y".repeat(60_000) };
    const { row: finished } = service.finish(row, outcomeOf(resultOf(row, { evidence })), 2);
    assert.ok(finished.record.length <= MAX_TOKEN_BYTES["audit+jwt"]);
    assert.deepEqual(Object.keys(verifyAuditRecord(finished.record).claims.evidence).sort(), ["omitted_bytes", "omitted_digest"]);
  });
});

describe("ControllerService.reject", () => {
  it("keeps bounded evidence under the digest of the bytes", () => {
    const { service } = parts();
    const raw = Buffer.alloc(100_000, 1);
    const { id, row } = service.reject(raw, 9, new TriplaneError("chain_broken", "no"));
    assert.match(id, /^sha256:/);
    assert.deepEqual([row.size_bytes, Buffer.from(row.bytes, "base64").length, row.code], [100_000, 16 * 1024, "chain_broken"]);
  });
});

describe("readRow", () => {
  it("what this program did not write is a defect, not a row", () => {
    assert.throws(
      () => readRow({ state: "done" }, opRowSchema, "op x"),
      (error) => error instanceof TriplaneError && error.code === "internal",
    );
  });
});
