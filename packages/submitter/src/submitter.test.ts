// Submitting over a real broker; the planes behind it are played by the test with their own identities and keys.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bus } from "@triplane/bus";
import {
  type Answer,
  CONSUMERS,
  generateSigningKey,
  type Op,
  type RefusalClaims,
  type SigningKey,
  streamNames,
  subjects,
  verifyOp,
} from "@triplane/contract";
import { silentLogger, systemClock, systemRandom } from "@triplane/kit";
import {
  type Built,
  buildAdmission,
  buildAuditRecord,
  buildOp,
  buildRefusal,
  eventually,
  rejects,
  startNats,
  TEST_RID,
  type TempDir,
  type TestNats,
  tempDir,
} from "@triplane/testkit";
import { type OpDraft, Outbox } from "./outbox.ts";
import type { OpStage } from "./outcome.ts";
import { Submitter, type SubmitterOptions } from "./submitter.ts";

const AUDIENCE = `w1/${TEST_RID}`;
const DRAFT: OpDraft = { op: "component.deploy", target: "web", scope: "apps", args: {}, expected_state_version: 0, expiresInS: 600 };
const ALICE = { role: "operator", principal: "alice" } as const;
const on = subjects("w1");
const streams = streamNames("w1");

let nats: TestNats;

before(async () => {
  nats = await startNats({ identities: [ALICE] });
});
after(() => nats.close());

interface Stage extends AsyncDisposable {
  readonly key: SigningKey;
  readonly outbox: Outbox;
  readonly submitter: Submitter;
  readonly controllerKey: SigningKey;
  /** A submitter over the same outbox, as another process would be. */
  another(options?: Partial<SubmitterOptions>): Submitter;
  /** Takes everything off the pending queue, as the keeper would. */
  taken(): Promise<readonly Op[]>;
  answer(op: Op, words: Omit<Answer, "jti">): Promise<void>;
  settle(op: Op): Promise<void>;
}

async function stage(): Promise<Stage> {
  const folder: TempDir = await tempDir();
  const alice = await nats.bus(ALICE, { requestTimeoutMs: 1000 });
  const keeper = await nats.bus("keeper");
  const controller = await nats.bus("controller");
  const controllerKey = generateSigningKey();
  const outbox = new Outbox({ folder: `${folder.path}/alice`, audience: AUDIENCE, clock: systemClock, random: systemRandom });
  const another = (options: Partial<SubmitterOptions> = {}): Submitter =>
    new Submitter({
      outbox,
      bus: alice,
      workspace: "w1",
      principal: "alice",
      audience: AUDIENCE,
      controllerDid: controllerKey.did,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      ...options,
    });
  const publish = async (bus: Bus, op: Op, words: Omit<Answer, "jti">): Promise<void> => {
    const answer: Answer = { jti: op.claims.jti, ...words };
    await bus.publish(on.answer("alice", op.claims.jti), JSON.stringify(answer));
  };
  const queue = await keeper.consumer(streams.pending, CONSUMERS.pending);
  const self: Stage = {
    key: generateSigningKey(),
    outbox,
    submitter: another(),
    controllerKey,
    another,
    taken: async () => {
      const ops: Op[] = [];
      for (;;) {
        const message = await queue.next({ waitMs: 100 });
        if (message === undefined) return ops;
        ops.push(verifyOp(message.text ?? ""));
        await message.ackConfirmed();
      }
    },
    answer: (op, words) => publish(words.stage === "review" ? keeper : controller, op, words),
    settle: (op) =>
      self.answer(op, { stage: "outcome", record: buildAuditRecord(op, buildAdmission(op), {}, { key: controllerKey }).compact }),
    [Symbol.asyncDispose]: async () => {
      await self.taken();
      await Promise.all([alice.close(), keeper.close(), controller.close()]);
      await folder[Symbol.asyncDispose]();
    },
  };
  return self;
}

function refusalRecord(op: Op, key: SigningKey, claims: Partial<RefusalClaims>): Built {
  const refusal = buildRefusal(op, claims);
  const code = claims.code ?? "policy_denied";
  return buildAuditRecord(op, refusal, { basis: "refusal", outcome: "refused", code }, { key });
}

describe("Submitter.submit", () => {
  it("publishes the bytes that are on disk, and keeps them until the outcome is held", async () => {
    await using set = await stage();
    const op = await set.submitter.submit(DRAFT, set.key);
    const [taken] = await set.taken();
    assert.equal(taken?.token.compact, op.entry.op);
    assert.deepEqual(await set.submitter.stage(op.entry.jti), { stage: "sent" });
    assert.equal((await set.outbox.pending()).length, 1);
    await set.settle(taken);
    const outcome = await set.submitter.waitForOutcome(op.entry.jti, { timeoutMs: 5000 });
    assert.equal(outcome.outcome, "applied");
    assert.equal((await set.outbox.pending()).length, 0);
    // From here on the outcome needs no broker.
    assert.equal((await set.submitter.waitForOutcome(op.entry.jti, { timeoutMs: 1 })).outcome, "applied");
  });

  it("every-command-lands: an op that could not be sent is sent later, before those with greater numbers", async () => {
    await using set = await stage();
    const broken = await nats.bus(ALICE);
    await broken.close();
    await rejects(set.another({ bus: broken }).submit(DRAFT, set.key), "bus_unreachable");
    await rejects(set.another({ bus: broken }).submit(DRAFT, set.key), "bus_unreachable");
    await set.submitter.submit(DRAFT, set.key);
    assert.deepEqual(
      (await set.taken()).map(({ claims }) => claims.seq),
      [1, 2, 3],
    );
    // Those that a broker confirmed are not sent again with every later op.
    await set.submitter.submit(DRAFT, set.key);
    assert.deepEqual(
      (await set.taken()).map(({ claims }) => claims.seq),
      [4],
    );
  });

  it("submitSigned: the same op twice is the same bytes twice", async () => {
    await using set = await stage();
    const { compact } = buildOp({ aud: AUDIENCE });
    for (let time = 0; time < 2; time += 1) await set.submitter.submitSigned(compact);
    assert.ok((await set.taken()).every(({ token }) => token.compact === compact));
    assert.equal((await set.outbox.list()).length, 1);
  });
});

describe("Submitter.resendAll", () => {
  it("sends what has no outcome, collects what has one, and is harmless to repeat", async () => {
    await using set = await stage();
    const one = await set.submitter.submit(DRAFT, set.key);
    const two = await set.submitter.submit(DRAFT, set.key);
    const [first] = await set.taken();
    assert.ok(first);
    await set.settle(first);
    const report = await set.another().resendAll();
    assert.deepEqual(
      [report.finished, report.sent].map((ops) => ops.map(({ entry }) => entry.jti)),
      [[one.entry.jti], [two.entry.jti]],
    );
    for (let time = 0; time < 3; time += 1) assert.equal((await set.submitter.resendAll()).sent.length, 1);
  });

  it("finds ops that a process prepared and never sent", async () => {
    await using set = await stage();
    const op = await set.outbox.prepare(DRAFT, set.key);
    assert.equal((await set.submitter.resendAll()).sent[0]?.entry.jti, op.entry.jti);
    assert.equal((await set.taken())[0]?.token.compact, op.entry.op);
  });
});

describe("Submitter.waitForOutcome", () => {
  it("tells of a review on the way, with what it needs", async () => {
    await using set = await stage();
    const op = await set.submitter.submit(DRAFT, set.key);
    const [taken] = await set.taken();
    assert.ok(taken);
    const stages: OpStage[] = [];
    const waiting = set.submitter.waitForOutcome(op.entry.jti, { timeoutMs: 10_000, onStage: (at) => stages.push(at) });
    await eventually(() => stages.length === 1);
    const needs = [{ rule: "removals", count: 2, groups: ["platform"] }];
    await set.answer(taken, { stage: "review", needs });
    await eventually(() => stages.some((at) => at.stage === "review"));
    await set.settle(taken);
    await waiting;
    assert.deepEqual(
      stages.map((at) => at.stage),
      ["sent", "review", "outcome"],
    );
    assert.deepEqual(stages[1], { stage: "review", needs });
  });

  it("outcome_timeout: the op stays in the outbox", async () => {
    await using set = await stage();
    const op = await set.submitter.submit(DRAFT, set.key);
    const late = await rejects(set.submitter.waitForOutcome(op.entry.jti, { timeoutMs: 50 }), "outcome_timeout");
    assert.deepEqual(late.details, { jti: op.entry.jti, stage: "sent" });
    await rejects(set.submitter.waitForOutcome(op.entry.jti, { timeoutMs: 60_000, signal: AbortSignal.abort() }), "outcome_timeout");
    assert.equal((await set.outbox.pending()).length, 1);
  });

  it("op_unknown for an op that this outbox never held", async () => {
    await using set = await stage();
    await rejects(set.submitter.waitForOutcome(buildOp().op.claims.jti, { timeoutMs: 50 }), "op_unknown");
  });

  it("chain-verified-at-every-hop: believes no answer that the controller did not sign for these bytes", async () => {
    await using set = await stage();
    const op = await set.submitter.submit(DRAFT, set.key);
    const [taken] = await set.taken();
    assert.ok(taken);
    const key = set.controllerKey;
    const other = buildOp({ aud: AUDIENCE, jti: taken.claims.jti }).op;
    const admission = buildAdmission(taken);
    const forged: readonly Omit<Answer, "jti">[] = [
      { stage: "outcome", record: buildAuditRecord(taken, admission).compact },
      { stage: "outcome", record: buildAuditRecord(other, buildAdmission(other), {}, { key }).compact },
      { stage: "outcome", record: buildAuditRecord(taken, admission, { aud: `w2/${TEST_RID}` }, { key }).compact },
      { stage: "outcome", record: buildAuditRecord(taken, admission, { decision_digest: other.token.digest }, { key }).compact },
      { stage: "outcome", record: `${buildAuditRecord(taken, admission, {}, { key }).compact.slice(0, -8)}AAAAAAAA` },
      { stage: "outcome", record: admission.compact },
      { stage: "outcome" },
    ];
    for (const words of forged) {
      await set.answer(taken, words);
      assert.deepEqual(await set.submitter.stage(op.entry.jti), { stage: "sent" });
    }
    const controller = await nats.bus("controller");
    for (const text of ["", "{", '"x"', '{"jti":1}']) {
      await controller.publish(on.answer("alice", op.entry.jti), text);
      assert.deepEqual(await set.submitter.stage(op.entry.jti), { stage: "sent" });
    }
    await set.settle(taken);
    assert.equal((await set.submitter.stage(op.entry.jti)).stage, "outcome");
  });
});

describe("Submitter.submitAndWait", () => {
  it("sequence_gap: signs again with the number that the keeper expected", async () => {
    await using set = await stage();
    const working = set.submitter.submitAndWait(DRAFT, set.key, { timeoutMs: 10_000 });
    const first = await eventually(async () => (await set.taken())[0]);
    assert.equal(first.claims.seq, 1);
    const gap = refusalRecord(first, set.controllerKey, { code: "sequence_gap", consumes_seq: false, nearest: { seq: 5 } });
    await set.answer(first, { stage: "outcome", record: gap.compact });
    const second = await eventually(async () => (await set.taken())[0]);
    assert.equal(second.claims.seq, 5);
    assert.notEqual(second.claims.jti, first.claims.jti);
    await set.settle(second);
    const { op, outcome } = await working;
    assert.deepEqual([op.claims.seq, outcome.outcome], [5, "applied"]);
    assert.equal(await set.outbox.nextSeq(set.key.did), 6);
  });

  it("returns any other refusal as it is", async () => {
    await using set = await stage();
    const working = set.submitter.submitAndWait(DRAFT, set.key, { timeoutMs: 10_000 });
    const op = await eventually(async () => (await set.taken())[0]);
    const refused = refusalRecord(op, set.controllerKey, { code: "policy_denied", nearest: { seq: 99 } });
    await set.answer(op, { stage: "outcome", record: refused.compact });
    const { outcome } = await working;
    assert.deepEqual(
      [outcome.outcome, outcome.code, outcome.consumes_seq, outcome.expected_seq],
      ["refused", "policy_denied", true, undefined],
    );
  });

  it("stops after a few rounds with a keeper that always expects another number", async () => {
    await using set = await stage();
    const working = set.submitter.submitAndWait(DRAFT, set.key, { timeoutMs: 10_000 });
    for (const expected of [10, 20, 30]) {
      const op = await eventually(async () => (await set.taken())[0]);
      const gap = refusalRecord(op, set.controllerKey, { code: "sequence_gap", consumes_seq: false, nearest: { seq: expected } });
      await set.answer(op, { stage: "outcome", record: gap.compact });
    }
    assert.equal((await working).outcome.code, "sequence_gap");
    assert.deepEqual(await set.taken(), []);
  });
});
