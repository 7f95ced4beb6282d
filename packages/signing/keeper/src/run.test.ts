import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkMessage } from "@triplane/bus";
import { type Alarm, subjects, TriplaneError } from "@triplane/contract";
import { createMetrics, silentLogger } from "@triplane/kit";
import { seededRandom } from "@triplane/testkit";
import { Alarms } from "./alarms.ts";
import { Desk } from "./desk.ts";
import { keeperMetrics } from "./metrics.ts";
import { PolicyFollower } from "./policy-follower.ts";
import { KeeperLoop } from "./run.ts";
import { keeperMayDecide } from "./signers.ts";
import { verifyCommand } from "./testing/bench.ts";
import { type MemoryBus, memoryBus } from "./testing/memory-bus.ts";
import { AUDIENCE, type TestSource, testSource, type World, world } from "./testing/world.ts";

const on = subjects(AUDIENCE.workspace);

interface Daemon {
  readonly made: World;
  readonly memory: MemoryBus;
  readonly source: TestSource;
  readonly loop: KeeperLoop;
  readonly metricsText: () => Promise<string>;
  /** A new process over the same broker. */
  restart(): KeeperLoop;
  pending(): Promise<WorkMessage>;
  approval(): Promise<WorkMessage>;
  codes(): readonly string[];
}

function daemon(): Daemon {
  const made = world();
  const memory = memoryBus(AUDIENCE.workspace);
  const source = testSource(made.inForce);
  const metrics = createMetrics({ name: "keeper" });
  const measured = keeperMetrics(metrics);
  const { bus, bucket } = memory;
  const { workspace } = AUDIENCE;
  const shared = { clock: made.clock, logger: silentLogger };
  const make = (): KeeperLoop => {
    const alarms = new Alarms(bus, workspace, made.clock, silentLogger);
    const follower = new PolicyFollower({
      ...AUDIENCE,
      source,
      bucket,
      clock: made.clock,
      assertMayDecide: keeperMayDecide(made.keeper.did),
    });
    const desk = new Desk({ bus, bucket, audience: AUDIENCE, key: made.keeper, alarms, ...shared });
    const { signal } = new AbortController();
    const times = { pollMs: 1000, rescanMs: 60_000 };
    return new KeeperLoop({
      workspace,
      bus,
      desk,
      follower,
      alarms,
      metrics: measured,
      random: seededRandom(),
      signal,
      ...times,
      ...shared,
    });
  };
  const some = async (message: Promise<WorkMessage | undefined>): Promise<WorkMessage> => {
    const found = await message;
    assert.ok(found !== undefined, "nothing is there");
    return found;
  };
  return {
    made,
    memory,
    source,
    loop: make(),
    metricsText: () => metrics.text(),
    restart: make,
    pending: () => some(memory.nextPending()),
    approval: () => some(memory.nextApproval()),
    codes: () => memory.texts(on.alarm).map((text) => (JSON.parse(text) as Alarm).code),
  };
}

const commands = (at: Daemon) => at.memory.texts(on.cmd).map(verifyCommand);

async function removal(at: Daemon) {
  const built = at.made.op("ana", 1, { op: "component.remove" });
  at.memory.submit(built.compact, at.made.clock.nowMs());
  await at.loop.takePending(await at.pending());
  return built;
}

test("KeeperLoop: pitfall 28: without a policy in force a message stays on the stream, and people are told why once (no-fail-open)", async () => {
  const at = daemon();
  at.source.failure = new TriplaneError("quorum_not_reached", "nobody signed");
  await at.loop.tick();
  await at.loop.tick();
  at.memory.submit(at.made.op("ana", 1).compact, at.made.clock.nowMs());
  await at.loop.takePending(await at.pending());
  assert.deepEqual([at.memory.pendingCount, commands(at).length], [1, 0]);
  assert.deepEqual(at.codes(), ["quorum_not_reached"]);
  at.source.failure = undefined;
  await at.loop.tick();
  await at.loop.takePending(await at.pending());
  assert.deepEqual([at.memory.pendingCount, commands(at).length], [0, 1]);
});

test("KeeperLoop: approvals end a review as they come", async () => {
  const at = daemon();
  await at.loop.tick();
  const { op } = await removal(at);
  assert.equal(at.loop.openReviews, 1);
  for (const by of ["ben", "cleo"] as const) {
    at.memory.approve(op.claims.jti, at.made.approval(op, by));
    await at.loop.takeApproval(await at.approval());
  }
  assert.deepEqual([at.loop.openReviews, commands(at).length, await at.memory.nextApproval()], [0, 1, undefined]);
});

test("KeeperLoop: a word that is no approval is taken off, stays as evidence, and alarms at most once a minute", async () => {
  const at = daemon();
  await at.loop.tick();
  const { op } = await removal(at);
  for (const text of ["garbage", op.token.compact]) {
    at.memory.approve(op.claims.jti, text);
    await at.loop.takeApproval(await at.approval());
  }
  at.memory.approve("not-a-jti", at.made.approval(op, "ben"));
  await at.loop.takeApproval(await at.approval());
  assert.deepEqual([await at.memory.nextApproval(), at.codes()], [undefined, ["token_malformed"]]);
});

test("KeeperLoop: an approval of an op that is not in review is taken off", async () => {
  const at = daemon();
  await at.loop.tick();
  const { op } = at.made.op("ana", 1);
  at.memory.approve(op.claims.jti, at.made.approval(op, "ben"));
  await at.loop.takeApproval(await at.approval());
  assert.equal(await at.memory.nextApproval(), undefined);
});

test("KeeperLoop: a review that nobody ends is refused when its op has expired", async () => {
  const at = daemon();
  await at.loop.tick();
  await removal(at);
  at.made.clock.advance(3600_000);
  await at.loop.tick();
  assert.equal(at.loop.openReviews, 1, "the allowed clock skew counts for the op");
  at.made.clock.advance(11_000);
  await at.loop.tick();
  assert.equal(at.loop.openReviews, 0);
  const [command] = commands(at);
  assert.ok(command !== undefined && "code" in command.claims && command.claims.code === "review_expired");
});

test("KeeperLoop: an op that runs by itself is looked at when its wait is over, also by a keeper that was not there meanwhile", async () => {
  const at = daemon();
  const rule = { id: "removal", kinds: ["component.remove"], targets: ["*"], wait_s: 600, groups: ["platform"] };
  at.source.move({ ...at.made.policy, policy_version: 2, review: [], unopposed: [rule] });
  at.memory.brokerMs = () => at.made.clock.nowMs();
  await at.loop.tick();
  await removal(at);
  await at.loop.tick();
  at.made.clock.advance(599_000);
  await at.loop.tick();
  assert.deepEqual([at.loop.openReviews, commands(at).length], [1, 0]);
  const restarted = at.restart();
  at.made.clock.advance(1000);
  await restarted.tick();
  assert.deepEqual([restarted.openReviews, commands(at).length], [0, 1]);
  await at.loop.tick();
  assert.deepEqual([at.loop.openReviews, commands(at).length], [0, 1]);
});

test("KeeperLoop: pitfall 8: a restart knows the open reviews from the stream and ends what was complete when it crashed", async () => {
  const at = daemon();
  await at.loop.tick();
  const { op } = await removal(at);
  for (const by of ["ben", "cleo"] as const) at.memory.approve(op.claims.jti, at.made.approval(op, by));
  const restarted = at.restart();
  await restarted.tick();
  assert.deepEqual([restarted.openReviews, commands(at).length], [0, 1]);
});

test("KeeperLoop: a review that cannot be examined does not hold up the others", async () => {
  const at = daemon();
  await at.loop.tick();
  const broken = await removal(at);
  const other = at.made.op("ben", 1, { op: "component.remove" });
  at.memory.submit(other.compact, at.made.clock.nowMs());
  await at.loop.takePending(await at.pending());
  await at.memory.bucket.create(`review-${broken.op.claims.jti}`, "broken");
  at.made.clock.advance(3611_000);
  await at.loop.tick();
  assert.deepEqual(
    commands(at).map(({ claims }) => claims.op_digest),
    [other.op.token.digest],
  );
});

test("KeeperLoop: when the policy moves, every open review is examined under the new one", async () => {
  const at = daemon();
  await at.loop.tick();
  const { op } = await removal(at);
  const commit = at.source.move({ ...at.made.policy, policy_version: 2 });
  await at.loop.tick();
  const item = JSON.parse(at.memory.texts(on.review(op.claims.jti)).at(-1) ?? "") as { policy_commit: string };
  assert.equal(item.policy_commit, commit);
});

test("KeeperLoop: an unreadable new policy alarms and leaves the last good one in force", async () => {
  const at = daemon();
  await at.loop.tick();
  at.source.move({ ...at.made.policy, workspace: "w2" });
  await at.loop.tick();
  await at.loop.tick();
  assert.deepEqual(at.codes(), ["policy_invalid"]);
  at.memory.submit(at.made.op("ana", 1).compact, at.made.clock.nowMs());
  await at.loop.takePending(await at.pending());
  assert.equal(commands(at).length, 1);
});

test("KeeperLoop: pitfall 6: a message that fails ten times for a reason of its own is refused by its digest and taken off", async () => {
  const at = daemon();
  await at.loop.tick();
  const { compact, op } = at.made.op("ana", 1);
  await at.memory.bucket.create(op.claims.iss.slice("did:key:".length), "broken");
  at.memory.submit(compact, at.made.clock.nowMs());
  for (let delivery = 1; delivery <= 10; delivery += 1) await at.loop.takePending(await at.pending());
  assert.equal(at.memory.pendingCount, 0);
  const [command] = commands(at);
  assert.ok(command !== undefined && "code" in command.claims && command.claims.code === "poisoned");
});

test("KeeperLoop: a broker that does not confirm never poisons a message", async () => {
  const at = daemon();
  await at.loop.tick();
  at.memory.submit(at.made.op("ana", 1).compact, at.made.clock.nowMs());
  at.memory.onStep = (step) => {
    if (step.what === "publish") throw new TriplaneError("publish_unconfirmed", "no answer in time");
  };
  for (let delivery = 1; delivery <= 12; delivery += 1) await at.loop.takePending(await at.pending());
  assert.equal(at.memory.pendingCount, 1);
  at.memory.onStep = () => undefined;
  await at.loop.takePending(await at.pending());
  assert.deepEqual([at.memory.pendingCount, commands(at).length], [0, 1]);
});

test("KeeperLoop: measures verdicts, intake, open reviews and the age of the policy", async () => {
  const at = daemon();
  await at.loop.tick();
  await removal(at);
  at.made.clock.advance(500);
  await at.loop.tick();
  const text = await at.metricsText();
  assert.match(text, /triplane_keeper_decisions_total\{verdict="review",daemon="keeper"\} 1/);
  assert.match(text, /triplane_keeper_open_reviews\{daemon="keeper"\} 1/);
  assert.match(text, /triplane_keeper_intake_seconds_count\{daemon="keeper"\} 1/);
  assert.match(text, /triplane_keeper_policy_age_seconds/);
});
