import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { type Alarm, alarmSchema, type OpClaims, verifyAuditRecord } from "@triplane/contract";
import { buildApproval } from "@triplane/testkit";
import { type EffectsBench, useEffectsBench } from "../testing/effects-bench.ts";
import { NEXT_COMMIT, type Person, policyOf, refOf } from "../testing/world.ts";

const HOUR_MS = 3_600_000;
const current = useEffectsBench();
let bench: EffectsBench;
let streamSeq = 0;
beforeEach(() => {
  bench = current();
});

const sealedOp = (seq: number, claims: Partial<OpClaims> = {}, by: Person = "ana-sealed") =>
  bench.world.op({ target: "night-web", ...claims, seq, ...times() }, by);
const times = () => {
  const iat = Math.floor(bench.clock.nowMs() / 1000);
  return { iat, exp: iat + 600 };
};
const nowS = (): number => Math.floor(bench.clock.nowMs() / 1000);

async function take(text: string): Promise<void> {
  streamSeq += 1;
  await (await bench.intake()).handle([bench.message(text, 1, streamSeq)]);
}

async function outcomeOf(subject: string): Promise<string> {
  const row = await bench.records.op(subject);
  if (row?.state !== "finished") return row?.state ?? "unknown";
  const { outcome, code } = verifyAuditRecord(row.record).claims;
  return `${outcome} ${code}`;
}

async function alarms(): Promise<readonly Alarm[]> {
  const rows = await bench.records.outbox("alarm", 100);
  return rows.map(({ row }) => alarmSchema.parse(JSON.parse(row.kind === "alarm" ? row.text : "")));
}

const codes = async (): Promise<readonly string[]> => (await alarms()).map(({ code }) => code).sort();
const ordinary = (by: Person = "ana") => bench.world.op({ target: "web", ...times() }, by);
const glass = (op: ReturnType<typeof sealedOp>, by: Person = "ana-sealed", decidedAtS = nowS()) =>
  bench.world.glass(op, { decided_at: decidedAtS }, by);
const admitted = (op: ReturnType<typeof ordinary>, claims = {}) => bench.world.admission(op, { decided_at: nowS(), ...claims });

/** Breaks the glass and lets the window pass. */
async function freeze(): Promise<string> {
  const op = sealedOp(1);
  await take(glass(op));
  bench.clock.advance(HOUR_MS);
  return op.claims.jti;
}

describe("Breaking the glass", () => {
  it("op, use and alarm are one commit; then the ack (persist-before-ack)", async () => {
    const op = sealedOp(1, { reason: "the shop is down" });
    await take(glass(op));
    assert.deepEqual(bench.trace, ["commit create ops + create break_glass + create outbox", "ack", "apply may start"]);
    const [alarm] = await alarms();
    assert.equal(alarm?.code, "break_glass_used");
    assert.match(
      alarm?.message ?? "",
      /^ana broke the glass by night: component.deploy on night-web \(the shop is down\); ratify .* until /,
    );
    const [row] = await bench.records.glass();
    assert.deepEqual([row?.person, row?.seq, row?.state, (row?.ratify_by ?? 0) - nowS()], ["ana", 1, "open", 3600]);
  });

  it("the same bytes again: known, and nothing more (applied-once)", async () => {
    const text = glass(sealedOp(1));
    for (let times = 0; times < 3; times += 1) await take(text);
    assert.equal(bench.accepted.length, 1);
    assert.equal((await bench.records.glass()).length, 1);
    assert.equal((await alarms()).length, 1);
  });

  it("a number that was used, or one too high: evidence and an alarm, no record, nothing applied", async () => {
    await take(glass(sealedOp(1)));
    await take(glass(sealedOp(1)));
    await take(glass(sealedOp(3)));
    assert.equal(bench.accepted.length, 1);
    assert.deepEqual(await codes(), ["break_glass_used", "sequence_fork", "sequence_gap"]);
    assert.match((await alarms()).find(({ code }) => code === "sequence_gap")?.message ?? "", /2 is next/);
    await take(glass(sealedOp(2)));
    assert.equal(bench.accepted.length, 2);
  });

  it("two with one number in one batch: the second is evidence", async () => {
    const texts = [glass(sealedOp(1)), glass(sealedOp(1)), glass(sealedOp(2))];
    await (await bench.intake()).handle(texts.map((text, index) => bench.message(text, 1, streamSeq + index + 1)));
    streamSeq += 3;
    assert.deepEqual([bench.accepted.length, await codes()], [2, ["break_glass_used", "break_glass_used", "sequence_fork"]]);
  });

  it("numbers of one key are its own: another person starts at 1", async () => {
    await take(glass(sealedOp(1)));
    await take(glass(sealedOp(1, {}, "ben-sealed"), "ben-sealed"));
    assert.equal(bench.accepted.length, 2);
  });

  it("wrong uses: nothing is believed, nothing is applied (chain-verified-at-every-hop)", async () => {
    const { world } = bench;
    const wrong = [
      glass(sealedOp(1, { target: "web" })),
      glass(sealedOp(1, { op: "component.remove" })),
      glass(ordinary()),
      glass(sealedOp(1), "ben-sealed"),
      glass(sealedOp(1), "keeper"),
      glass(ordinary(), "ana"),
      world.admission(sealedOp(1), { decided_at: nowS() }),
      world.admission(ordinary(), { decided_at: nowS() }, "ana-sealed"),
      world.glass(sealedOp(1), { decided_at: nowS(), rule: "routine" }),
      world.glass(sealedOp(1), { decided_at: nowS(), facts: { recent_auto: {} } }),
      world.refusal(ordinary(), { decided_at: nowS() }, "ana-sealed"),
    ];
    for (const text of wrong) await take(text);
    assert.deepEqual(bench.accepted, []);
    assert.equal(await bench.store.count("rejected"), wrong.length);
    assert.equal((await bench.records.glass()).length, 0);
    assert.ok((await codes()).every((code) => code === "chain_broken"));
  });

  it("decided in the past, when it was allowed: it has to hold on arrival too, and is recorded as refused", async () => {
    const op = sealedOp(1);
    const text = glass(op);
    bench.clock.advance(HOUR_MS);
    await take(text);
    assert.equal(await outcomeOf(op.claims.jti), "refused token_expired");
    const early = sealedOp(2);
    await take(glass(early, "ana-sealed", nowS() + 300));
    assert.equal(await outcomeOf(early.claims.jti), "refused clock_skew");
    assert.deepEqual(bench.accepted, []);
    assert.deepEqual(await codes(), ["clock_skew", "token_expired"], "an attempt is told of as well");
    bench.clock.advance(HOUR_MS);
    await bench.glass?.look();
    assert.equal(
      (await bench.records.glass()).every(({ state }) => state === "refused"),
      true,
      "what was not applied freezes nobody",
    );
  });

  it("under an older policy that had the rule: taken back by the one in force", async () => {
    const op = sealedOp(1);
    await bench.intake();
    bench.source.add(NEXT_COMMIT, policyOf(bench.world.keys, 2, ["keeper"], undefined, { break_glass: [] }));
    await take(glass(op));
    assert.equal(await outcomeOf(op.claims.jti), "refused policy_changed");
    const { keys } = bench.world;
    const withoutKey = policyOf(keys, 3);
    const operators = withoutKey.operators.map(({ break_glass_keys: _sealed, ...rest }) => rest);
    bench.source.add("2".repeat(40), { ...withoutKey, operators, break_glass: [] });
    await take(glass(sealedOp(2)));
    assert.deepEqual(await codes(), ["chain_broken", "policy_changed"], "a key that was taken away decides nothing");
  });
});

describe("Alarms of attempts", () => {
  it("whoever holds a sealed key cannot flood people with what is not applied; what is applied is always told", async () => {
    await freeze();
    const taking = await bench.intake();
    const texts = Array.from({ length: 40 }, (_, index) => glass(sealedOp(index + 2)));
    const others = [glass(sealedOp(1, {}, "ben-sealed"), "ben-sealed")];
    await taking.handle([...texts, ...others].map((text, index) => bench.message(text, 1, streamSeq + index + 1)));
    streamSeq += 41;
    const told = await codes();
    assert.equal(told.filter((code) => code === "actor_frozen").length, 30);
    assert.equal(told.filter((code) => code === "break_glass_used").length, 2);
    assert.equal((await bench.records.glass()).length, 42);
  });
});

describe("Freezing who was not ratified", () => {
  it("within the window: everything goes on", async () => {
    await take(glass(sealedOp(1)));
    bench.clock.advance(HOUR_MS - 1000);
    const op = ordinary();
    await take(admitted(op));
    assert.equal(await outcomeOf(op.claims.jti), "accepted");
  });

  it("after it: every key of the person, sealed or not, and the agent; nobody else", async () => {
    const jti = await freeze();
    const mine = ordinary();
    const agents = ordinary("scout");
    const again = sealedOp(2);
    const others = ordinary("ben");
    for (const op of [mine, agents, others]) await take(admitted(op, { facts: { recent_auto: {}, budget_used: 0 } }));
    await take(glass(again));
    for (const op of [mine, agents, again]) assert.equal(await outcomeOf(op.claims.jti), "refused actor_frozen");
    assert.equal(await outcomeOf(others.claims.jti), "accepted");
    const row = await bench.records.op(mine.claims.jti);
    const { evidence } = verifyAuditRecord(row?.state === "finished" ? row.record : "").claims;
    assert.deepEqual([evidence["broke_glass"], evidence["person"]], [jti, "ana"]);
  });

  it("nor by hand for others, nor by an approval that is needed", async () => {
    const review = [{ id: "two", kinds: ["component.deploy"], targets: ["db"], approvals: 1, groups: ["platform"] }];
    const policy = policyOf(bench.world.keys, 2, ["keeper"], ["component.restart"], { review });
    bench.source.add(NEXT_COMMIT, policy);
    await freeze();
    const ref = { policy: refOf(policy, NEXT_COMMIT) };
    const byHand = bench.world.op({ op: "component.restart", target: "web", ...times() }, "ben");
    await take(bench.world.admission(byHand, { decided_at: nowS(), ...ref }, "ana"));
    assert.equal(await outcomeOf(byHand.claims.jti), "refused actor_frozen");
    const asked = bench.world.op({ target: "db", ...times() }, "ben");
    const approval = buildApproval(asked, { policy_commit: NEXT_COMMIT, ...times() }, { key: bench.world.keys.ana });
    await take(admitted(asked, { ...ref, rule: "two", basis: "approved", approvals: [approval.compact] }));
    assert.equal(await outcomeOf(asked.claims.jti), "refused actor_frozen");
  });

  it("rings once, also after a restart", async () => {
    await freeze();
    await bench.intake();
    await bench.glass?.look();
    await bench.glass?.look();
    await bench.intake();
    await bench.glass?.look();
    assert.deepEqual(await codes(), ["actor_frozen", "break_glass_used"]);
    assert.equal((await bench.records.glass())[0]?.state, "frozen");
  });

  it("ends with ratification, and stays ended when a later policy forgets it; an unknown jti is harmless", async () => {
    const jti = await freeze();
    await bench.intake();
    await bench.glass?.look();
    const unknown = "019b8d0e-0000-7000-8000-000000000000";
    bench.source.add(NEXT_COMMIT, policyOf(bench.world.keys, 2, ["keeper"], undefined, { ratified: [unknown] }));
    const still = ordinary();
    await take(admitted(still));
    assert.equal(await outcomeOf(still.claims.jti), "refused actor_frozen");
    bench.source.add("3".repeat(40), policyOf(bench.world.keys, 3, ["keeper"], undefined, { ratified: [unknown, jti] }));
    const free = ordinary();
    await take(admitted(free));
    assert.equal(await outcomeOf(free.claims.jti), "accepted");
    await bench.glass?.look();
    assert.equal((await bench.records.glass())[0]?.state, "ratified");
    bench.source.add("4".repeat(40), policyOf(bench.world.keys, 4));
    const later = ordinary();
    await take(admitted(later));
    assert.equal(await outcomeOf(later.claims.jti), "accepted");
  });
});
