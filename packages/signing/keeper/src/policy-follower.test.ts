import assert from "node:assert/strict";
import { test } from "node:test";
import { type SigningKey, TriplaneError } from "@triplane/contract";
import { PolicyFollower } from "./policy-follower.ts";
import type { PolicySource } from "./ports.ts";
import { keeperMayDecide, personMayDecide } from "./signers.ts";
import { type MemoryBus, memoryBus } from "./testing/memory-bus.ts";
import { AUDIENCE, type TestSource, testSource, type World, world } from "./testing/world.ts";

interface Set {
  readonly made: World;
  readonly memory: MemoryBus;
  readonly source: TestSource;
  readonly follower: PolicyFollower;
}

function setUp(key?: (made: World) => SigningKey): Set {
  const made = world();
  const memory = memoryBus(AUDIENCE.workspace);
  const source = testSource(made.inForce);
  return { made, memory, source, follower: followerOf(made, memory, source, key?.(made)) };
}

function followerOf(made: World, memory: MemoryBus, source: TestSource, key: SigningKey = made.keeper): PolicyFollower {
  const assertMayDecide = key === made.keeper ? keeperMayDecide(key.did) : personMayDecide(key.did);
  return new PolicyFollower({ ...AUDIENCE, source, bucket: memory.bucket, clock: made.clock, assertMayDecide });
}

test("PolicyFollower: has no policy in force before it verified one (no-fail-open)", async () => {
  const { source, follower } = setUp();
  source.failure = new TriplaneError("quorum_not_reached", "nobody signed");
  assert.equal(follower.inForce, undefined);
  assert.equal(await follower.refresh(), "failed");
  assert.equal(follower.inForce, undefined);
  assert.equal(follower.problem?.code, "quorum_not_reached");
});

test("PolicyFollower: remembers the commit before the first decision under it, and when it was last verified", async () => {
  const { made, memory, source, follower } = setUp();
  assert.equal(await follower.refresh(), "changed");
  assert.equal(follower.inForce?.ref.commit, made.inForce.ref.commit);
  assert.deepEqual(JSON.parse((await memory.bucket.get("policy"))?.value ?? ""), {
    commit: made.inForce.ref.commit,
    policy_version: 1,
    identity_revision: source.identityRevision,
  });
  made.clock.advance(5000);
  assert.equal(await follower.refresh(), "same");
  assert.equal(follower.verifiedAtMs, made.clock.nowMs());
});

test("PolicyFollower: remembers the delegates' identity revision, and demands it again of the repository", async () => {
  const { made, memory, source, follower } = setUp();
  await follower.refresh();
  source.identityRevision = "b".repeat(40);
  assert.equal(await follower.refresh(), "changed");
  assert.equal(JSON.parse((await memory.bucket.get("policy"))?.value ?? "").identity_revision, source.identityRevision);
  const asked: unknown[] = [];
  const spied: PolicySource = {
    load: (commit) => source.load(commit),
    approvedHead(last) {
      asked.push(last);
      return source.approvedHead(last);
    },
  };
  await new PolicyFollower({
    ...AUDIENCE,
    source: spied,
    bucket: memory.bucket,
    clock: made.clock,
    assertMayDecide: keeperMayDecide(made.keeper.did),
  }).refresh();
  assert.deepEqual(asked, [{ commit: made.inForce.ref.commit, identityRevision: source.identityRevision }]);
});

test("PolicyFollower: keeps the last good policy when the new one cannot be read", async () => {
  const { made, source, follower } = setUp();
  await follower.refresh();
  source.move({ ...made.policy, workspace: "w2" });
  assert.equal(await follower.refresh(), "failed");
  assert.equal(follower.problem?.code, "policy_invalid");
  assert.equal(follower.inForce?.ref.commit, made.inForce.ref.commit);
  const commit = source.move({ ...made.policy, policy_version: 2 });
  assert.equal(await follower.refresh(), "changed");
  assert.deepEqual([follower.inForce?.ref.commit, follower.problem], [commit, undefined]);
});

test("PolicyFollower: pitfall 21: refuses a policy_version that falls, also after a restart", async () => {
  const { made, memory, source, follower } = setUp();
  source.move({ ...made.policy, policy_version: 7 });
  await follower.refresh();
  source.move({ ...made.policy, policy_version: 6 });
  assert.equal(await follower.refresh(), "failed");
  assert.equal(follower.problem?.code, "policy_rollback");
  const restarted = followerOf(made, memory, source);
  assert.equal(await restarted.refresh(), "failed");
  assert.equal(restarted.inForce, undefined);
});

test("PolicyFollower: a keeper behind the highest commit that another acted under has no policy in force (no-fail-open)", async () => {
  const { made, memory, source, follower } = setUp();
  await follower.refresh();
  const ahead = testSource(made.inForce);
  ahead.move({ ...made.policy, policy_version: 2 });
  await followerOf(made, memory, ahead).refresh();
  source.failure = new TriplaneError("policy_rollback", "the remembered commit is not in this clone");
  assert.equal(await follower.refresh(), "failed");
  assert.equal(follower.inForce, undefined);
});

test("PolicyFollower: a key that the policy no longer lists decides nothing, not even under the former policy", async () => {
  const { made, source, follower } = setUp();
  await follower.refresh();
  source.move({ ...made.policy, policy_version: 2, keepers: [] });
  assert.equal(await follower.refresh(), "failed");
  assert.equal(follower.problem?.code, "kid_unknown");
  assert.equal(follower.inForce, undefined);
});

test("PolicyFollower: by hand only an operator with the grant to admit decides", async () => {
  const ben = setUp((made) => made.keys.ben);
  assert.equal(await ben.follower.refresh(), "changed");
  const cleo = setUp((made) => made.keys.cleo);
  await cleo.follower.refresh();
  assert.deepEqual([cleo.follower.inForce, cleo.follower.problem?.code], [undefined, "policy_denied"]);
  const scout = setUp((made) => made.keys.scout);
  await scout.follower.refresh();
  assert.equal(scout.follower.problem?.code, "kid_unknown");
});

test("PolicyFollower: without contact for longer than the policy allows no policy is in force, and it is again with the next contact (no-fail-open)", async () => {
  const { made, memory, source } = setUp();
  const contact: { atMs: number | undefined } = { atMs: undefined };
  const follower = new PolicyFollower({
    ...AUDIENCE,
    ...{ source, contact, bucket: memory.bucket, clock: made.clock, assertMayDecide: keeperMayDecide(made.keeper.did) },
  });
  source.move({ ...made.policy, policy_version: 2, limits: { ...made.policy.limits, max_policy_age_s: 60 } });
  await follower.refresh();
  assert.deepEqual([follower.inForce, follower.problem?.code], [undefined, "policy_stale"], "before the first contact");
  contact.atMs = made.clock.nowMs();
  assert.equal(follower.inForce?.policy.policy_version, 2);
  assert.equal(follower.problem?.code, undefined);
  made.clock.advance(60_000);
  assert.equal(await follower.refresh(), "same");
  assert.equal(follower.inForce?.policy.policy_version, 2, "still within the bound");
  made.clock.advance(1);
  assert.deepEqual([follower.inForce, follower.problem?.code], [undefined, "policy_stale"], "also between two looks");
  contact.atMs = made.clock.nowMs();
  assert.equal(follower.inForce?.policy.policy_version, 2);
});

test("PolicyFollower: without a remote a verified look at the repository is the contact", async () => {
  const { made, source, follower } = setUp();
  source.move({ ...made.policy, policy_version: 2, limits: { ...made.policy.limits, max_policy_age_s: 60 } });
  await follower.refresh();
  made.clock.advance(61_000);
  assert.equal(follower.problem?.code, "policy_stale");
  await follower.refresh();
  assert.equal(follower.inForce?.policy.policy_version, 2);
  source.failure = new TriplaneError("git_failed", "the disk is away");
  made.clock.advance(61_000);
  await follower.refresh();
  assert.deepEqual([follower.inForce, follower.problem?.code], [undefined, "git_failed"]);
});
