import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CONSUMERS, digestOf, JTI_PATTERN, streamNames, TriplaneError } from "@triplane/contract";
import { verifyDecision } from "@triplane/policy";
import { eventually, TEST_COMMIT } from "@triplane/testkit";
import { type Bench, bench, type RunningController } from "./testing/bench.ts";
import { AUDIENCE, NEXT_COMMIT, policyOf, refOf, WORKSPACE } from "./testing/world.ts";

describe("Controller: with real NATS, the real store and the orchestrator's API", () => {
  let parts: Bench;
  let running: RunningController;
  before(async () => {
    parts = await bench();
    running = await parts.start({ maxDeliveries: 3 });
  });
  after(() => parts[Symbol.asyncDispose]());

  it("admission: is applied, recorded with the whole chain, and answered", async () => {
    const { world, orchestrator, nats } = parts;
    const op = world.op({ target: "plain", args: { image: "web:1" } });
    const admission = world.admission(op);
    await parts.send(admission);
    const { claims } = await parts.recordOf(op.claims.jti);
    assert.equal(claims.outcome, "applied");
    assert.equal(claims.basis, "admission");
    assert.equal(claims.decision, admission);
    assert.deepEqual([claims.state_version_before, claims.state_version_after, claims.target], [0, 1, "plain"]);
    const effect = orchestrator.effects.find(({ jti }) => jti === op.claims.jti);
    assert.deepEqual(effect?.args, { image: "web:1" });
    const watcher = await nats.bus("provisioner");
    const answer = await eventually(async () =>
      watcher.last(streamNames(WORKSPACE).answer, `ops.answer.${WORKSPACE}.ana.${op.claims.jti}`),
    );
    assert.match(answer.text ?? "", /"stage":"outcome"/);
  });

  it("pitfall 4: same op again: is answered with the same bytes and applied once (applied-once)", async () => {
    const { world, orchestrator } = parts;
    const op = world.op({ target: "twice" });
    const admission = world.admission(op);
    await parts.send(admission);
    const first = await parts.recordOf(op.claims.jti);
    await parts.send(admission);
    await eventually(() => parts.streamIsEmpty());
    const again = (await parts.records()).filter(({ claims }) => claims.subject === op.claims.jti);
    assert.ok(again.every(({ token }) => token.digest === first.token.digest));
    assert.equal(orchestrator.effects.filter(({ jti }) => jti === op.claims.jti).length, 1);
  });

  it("other op with a known jti: ends as jti_reused under the digest of its bytes, and is not applied", async () => {
    const { world, orchestrator } = parts;
    const op = world.op({ target: "reuse" });
    await parts.send(world.admission(op));
    await parts.recordOf(op.claims.jti);
    const thief = world.op({ target: "stolen", jti: op.claims.jti });
    await parts.send(world.admission(thief));
    const { claims } = await parts.recordOf(thief.token.digest);
    assert.deepEqual([claims.outcome, claims.code], ["refused", "jti_reused"]);
    assert.ok(!orchestrator.effects.some(({ target }) => target === "stolen"));
  });

  it("refusal of the keeper: is recorded as refused with the keeper's code (every-command-lands)", async () => {
    const { world, orchestrator } = parts;
    const op = world.op({ op: "component.remove", target: "precious" });
    await parts.send(world.refusal(op));
    const { claims } = await parts.recordOf(op.claims.jti);
    assert.deepEqual([claims.outcome, claims.code, claims.basis], ["refused", "policy_denied", "refusal"]);
    assert.ok(!orchestrator.calls.some(({ target }) => target === "precious"));
  });

  it("conflict and failure of the orchestrator: are recorded with its code and versions", async () => {
    const { world } = parts;
    const op = world.op({ target: "conflicted", expected_state_version: 7 });
    await parts.send(world.admission(op));
    const { claims } = await parts.recordOf(op.claims.jti);
    assert.deepEqual([claims.outcome, claims.code, claims.state_version_before], ["conflict", "version_conflict", 0]);
  });

  it("op that takes long: is asked for until it ends", async () => {
    const { world, orchestrator } = parts;
    orchestrator.slow = true;
    try {
      const op = world.op({ target: "slow" });
      await parts.send(world.admission(op));
      assert.equal((await parts.recordOf(op.claims.jti)).claims.outcome, "applied");
    } finally {
      orchestrator.slow = false;
    }
  });

  it("orchestrator away: the op waits, is not lost, and is applied when it is back", async () => {
    const { world, orchestrator } = parts;
    orchestrator.failWith = "unavailable";
    const op = world.op({ target: "patient" });
    await parts.send(world.admission(op));
    await eventually(() => running.controller.health().detail?.["queued"] === 1, { what: "the op to be queued" });
    orchestrator.failWith = undefined;
    assert.equal((await parts.recordOf(op.claims.jti)).claims.outcome, "applied");
  });

  it("forged admission: is refused, alarmed, kept as evidence and never applied (chain-verified-at-every-hop)", async () => {
    const { world, orchestrator } = parts;
    const op = world.op({ target: "forged" });
    const forgeries = {
      "by a stranger": world.admission(op, {}, "stranger"),
      "by an operator who may not admit": world.admission(op, {}, "ben"),
      "against the policy": world.admission(world.op({ op: "component.remove", target: "forged" })),
      "under an invented rule": world.admission(op, { rule: "made-up" }),
      "with another policy's digest": world.admission(op, { policy: { ...refOf(world.policy, TEST_COMMIT), digest: digestOf("x") } }),
      "for another workspace": world.admission(op, { aud: `w2/${AUDIENCE.policyRid}` }),
      "no JWS at all": "garbage",
      "an audit record": (await parts.records())[0]?.token.compact ?? "",
    };
    for (const [how, text] of Object.entries(forgeries)) {
      await parts.send(text);
      const alarm = await eventually(async () => (await parts.alarms()).find(({ subject }) => subject === digestOf(text)), { what: how });
      assert.equal(alarm.code, "chain_broken", how);
    }
    assert.ok(await parts.streamIsEmpty());
    assert.ok(!orchestrator.calls.some(({ target }) => target === "forged"));
    assert.ok(!(await parts.records()).some(({ claims }) => claims.subject === op.claims.jti));
    // The proof that the forgeries failed for their own faults: the honest admission of the same op passes.
    await parts.send(world.admission(op));
    assert.equal((await parts.recordOf(op.claims.jti)).claims.outcome, "applied");
  });

  it("policy commit that is not here yet: the message waits and is then applied, not poisoned", async () => {
    const { world, source } = parts;
    const next = policyOf(world.keys, 2);
    const op = world.op({ target: "ahead" });
    await parts.send(world.admission(op, { policy: refOf(next, NEXT_COMMIT) }));
    const keeper = parts.keeper;
    await eventually(async () => (await keeper.streamState(streamNames(WORKSPACE).cmd)).messages === 1);
    source.add(NEXT_COMMIT, next);
    assert.equal((await parts.recordOf(op.claims.jti)).claims.outcome, "applied");
    assert.equal(running.controller.health().detail?.["policy"], NEXT_COMMIT);
  });

  it("policy rolled back: is alarmed, and the last accepted one stays in force", async () => {
    const { source } = parts;
    source.failure = new TriplaneError("policy_rollback", "the approved head does not descend from the last accepted one");
    await eventually(async () => (await parts.alarms()).find(({ code }) => code === "policy_rollback"), { what: "the alarm" });
    assert.equal(running.controller.health().detail?.["policy"], NEXT_COMMIT);
    source.failure = undefined;
  });

  it("records: their decisions verify again from the records alone", async () => {
    const { source } = parts;
    const policies = new Map([
      [TEST_COMMIT, await source.load(TEST_COMMIT)],
      [NEXT_COMMIT, await source.load(NEXT_COMMIT)],
    ]);
    const records = await parts.records();
    assert.ok(records.length >= 8);
    for (const { claims } of records) {
      assert.match(claims.subject, claims.code === "jti_reused" ? /^sha256:/ : JTI_PATTERN);
      verifyDecision({ compact: claims.decision, audience: AUDIENCE, policyAt: (commit) => policies.get(commit) });
    }
  });

  it("second controller: is refused while the first holds the lease (ops-controller-single-workqueue-consumer)", async () => {
    await assert.rejects(
      () => parts.start(),
      (error) =>
        error instanceof TriplaneError && error.code === "lease_held" && /ops-controller-single-workqueue-consumer/.test(error.message),
    );
  });

  it("ack floor: never ahead of what is on disk; the stream is empty at the end", async () => {
    await eventually(() => parts.streamIsEmpty());
    const state = await parts.keeper.streamState(streamNames(WORKSPACE).cmd);
    assert.equal(state.messages, 0);
    assert.equal(CONSUMERS.cmd, "ops-controller");
  });
});

describe("Controller: standby", () => {
  it("takes over with a higher fence when the active one dies (ops-controller-single-workqueue-consumer)", async () => {
    await using parts = await bench();
    const { world, orchestrator } = parts;
    const storeUrl = parts.newStoreUrl();
    const first = parts.spawn({ storeUrl, owner: "first" });
    const before = world.op({ target: "before" });
    await parts.send(world.admission(before));
    await parts.recordOf(before.claims.jti);
    const standby = parts.spawn({ storeUrl, owner: "second", standby: true });
    await eventually(() => standby.log().includes("waiting as a standby"));
    first.process.kill("SIGKILL");
    const later = world.op({ target: "later" });
    await parts.send(world.admission(later));
    assert.equal((await parts.recordOf(later.claims.jti)).claims.outcome, "applied");
    const [one, two] = orchestrator.effects;
    assert.ok(one !== undefined && two !== undefined && two.fence > one.fence);
    assert.match(standby.log(), /took over after \d+ ms without a sign of first; at most lease ttl \+ poll = 1250 ms/);
    await standby.stop();
  });

  it("fence of the old controller is refused: it ends and applies nothing more", async () => {
    await using parts = await bench();
    const { world, orchestrator } = parts;
    const running = await parts.start();
    const first = world.op({ target: "one" });
    await parts.send(world.admission(first));
    await parts.recordOf(first.claims.jti);
    orchestrator.failWith = "fencing_stale";
    await parts.send(world.admission(world.op({ target: "two" })));
    const reason = await running.ended;
    assert.ok(reason instanceof TriplaneError && reason.code === "fencing_stale");
    assert.equal(orchestrator.effects.length, 1);
  });
});
