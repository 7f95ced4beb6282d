import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Admission, parseToken, TriplaneError } from "@triplane/contract";
import { manualClock, TEST_COMMIT } from "@triplane/testkit";
import { PolicyBook, type PolicyMemory } from "./policy-book.ts";
import type { PolicySource } from "./ports.ts";
import type { PolicyRow } from "./rows.ts";
import { AUDIENCE, NEXT_COMMIT, policyOf, refOf, testSource, WORKSPACE, world } from "./testing/world.ts";
import { type Verification, verifyMessage } from "./verify.ts";

function memory(first?: PolicyRow): PolicyMemory & { row: PolicyRow | undefined } {
  return {
    row: first,
    async readPolicy() {
      return this.row;
    },
    async writePolicy(row) {
      this.row = row;
    },
  };
}

async function parts() {
  const made = world();
  const clock = manualClock();
  const source = testSource(made.policy);
  const remembered = memory();
  const book = new PolicyBook({ workspace: WORKSPACE, source, memory: remembered, clock });
  await book.refresh();
  const verify = (text: string | undefined, storedAtMs = clock.nowMs()): Promise<Verification> =>
    verifyMessage({ text, storedAtMs }, { book, audience: AUDIENCE });
  return { ...made, clock, source, remembered, book, verify };
}

describe("verifyMessage (chain-verified-at-every-hop)", () => {
  it("admission and refusal that follow from the policy are proven", async () => {
    const { op, admission, refusal, verify } = await parts();
    assert.equal((await verify(admission(op()))).kind, "proven");
    assert.equal((await verify(refusal(op({ op: "component.remove" })))).kind, "proven");
  });

  it("what is not signed by somebody who may decide is broken at once, whatever policy it names: nobody is waited for", async () => {
    const { op, admission, verify, policy } = await parts();
    for (const commit of [TEST_COMMIT, NEXT_COMMIT]) {
      const named = { policy: refOf(policy, commit) };
      assert.equal((await verify(admission(op(), named, "stranger"))).kind, "broken");
      const honest = admission(op(), named);
      const [header = "", payload = ""] = honest.split(".");
      const other = admission(op(), named).split(".")[2] ?? "";
      assert.equal((await verify(`${header}.${payload}.${other}`)).kind, "broken", "a keeper's name with another signature");
    }
    for (const garbage of [undefined, "", "a.b.c", "{}", "x".repeat(100_000)]) assert.equal((await verify(garbage)).kind, "broken");
  });

  it("a commit that is not here yet, named by a keeper in force: waited for, found when it comes", async () => {
    const { op, admission, verify, source, keys, clock } = await parts();
    const next = policyOf(keys, 2);
    const compact = admission(op(), { policy: refOf(next, NEXT_COMMIT) });
    assert.equal((await verify(compact)).kind, "later");
    source.add(NEXT_COMMIT, next);
    clock.advance(1000);
    assert.equal((await verify(compact)).kind, "proven");
  });

  it("a keeper that the newest policy brings: is known as soon as that is here", async () => {
    const { op, admission, verify, source, keys, clock } = await parts();
    const next = policyOf(keys, 2, ["keeper", "stranger"]);
    source.add(NEXT_COMMIT, next);
    clock.advance(1000);
    assert.equal((await verify(admission(op(), { policy: refOf(next, NEXT_COMMIT) }, "stranger"))).kind, "proven");
  });

  it("a key that the newest policy took away: decides nothing that came after, also not under the old policy", async () => {
    const { op, admission, verify, source, keys, clock, book } = await parts();
    const compact = admission(op());
    const storedBeforeMs = clock.nowMs();
    clock.advance(1000);
    source.add(NEXT_COMMIT, policyOf(keys, 2, ["stranger"]));
    await book.refresh();
    assert.equal((await verify(compact, storedBeforeMs)).kind, "proven");
    assert.equal((await verify(compact, clock.nowMs())).kind, "broken");
  });

  it("an op that the newest policy no longer admits: is held against it once that is in force, not before (CVE-2026-128035)", async () => {
    const { op, admission, verify, source, keys, clock, book } = await parts();
    const compact = admission(op());
    const storedBeforeMs = clock.nowMs();
    clock.advance(1000);
    source.add(NEXT_COMMIT, policyOf(keys, 2, ["keeper"], ["component.restart"]));
    await book.refresh();
    const before = await verify(compact, storedBeforeMs);
    assert.ok(before.kind === "proven" && before.superseded === undefined);
    const after = await verify(compact, clock.nowMs());
    assert.ok(after.kind === "proven");
    assert.match(after.superseded ?? "", /policy_denied/);
  });

  it("an op that the newest policy admits as well: is proven under the older one that it names", async () => {
    const { op, admission, verify, source, keys, clock, book } = await parts();
    const compact = admission(op());
    clock.advance(1000);
    source.add(NEXT_COMMIT, policyOf(keys, 2, ["keeper", "stranger"]));
    await book.refresh();
    const verified = await verify(compact, clock.nowMs());
    assert.ok(verified.kind === "proven" && verified.superseded === undefined);
  });

  it("pitfall 28: no policy in force: nothing is judged (no-fail-open)", async () => {
    const { op, admission, clock, policy } = await parts();
    const source = testSource(policy);
    source.failure = new TriplaneError("quorum_not_reached", "nobody signed");
    const book = new PolicyBook({ workspace: WORKSPACE, source, memory: memory(), clock });
    await book.refresh();
    const message = { text: admission(op()), storedAtMs: clock.nowMs() };
    assert.equal((await verifyMessage(message, { book, audience: AUDIENCE })).kind, "later");
    assert.equal(book.problem?.code, "quorum_not_reached");
    await assert.rejects(book.at(TEST_COMMIT), (error) => error instanceof TriplaneError && error.code === "unavailable");
  });

  it("a repository that cannot be read now is waited for; an old policy that is not valid proves nothing", async () => {
    const { op, admission, policy, clock } = await parts();
    const inner = testSource(policy);
    inner.add(NEXT_COMMIT, policyOf(world().keys, 2, ["keeper"]));
    const failing = (code: "git_failed" | "policy_invalid"): PolicySource => ({
      approvedHead: async () => ({ commit: TEST_COMMIT, identityRevision: "a".repeat(40) }),
      isApprovedStep: async () => true,
      load: async (commit) => {
        if (commit === TEST_COMMIT) return await inner.load(commit);
        throw new TriplaneError(code, "not now");
      },
    });
    const compact = admission(op(), { policy: refOf(policy, NEXT_COMMIT) });
    for (const [code, kind] of [
      ["git_failed", "later"],
      ["policy_invalid", "broken"],
    ] as const) {
      const book = new PolicyBook({ workspace: WORKSPACE, source: failing(code), memory: memory(), clock });
      await book.refresh();
      assert.equal((await verifyMessage({ text: compact, storedAtMs: clock.nowMs() }, { book, audience: AUDIENCE })).kind, kind);
    }
  });

  it("reason: the inner failure is kept for the alarm", async () => {
    const { op, admission, verify } = await parts();
    const changed = await verify(admission(op(), { rule: "made-up" }));
    assert.ok(changed.kind === "broken" && changed.reason.message.includes("made-up"));
    const claims = parseToken(admission(op()), "admission+jwt").payload as unknown as Admission["claims"];
    assert.equal(claims.rule, "routine");
  });
});

describe("PolicyBook", () => {
  it("a new identity revision of the repository: is remembered, and the policy in force does not become younger by it", async () => {
    const { source, book, remembered, clock } = await parts();
    const before = remembered.row;
    clock.advance(1000);
    source.identityRevision = "b".repeat(40);
    await book.refresh();
    assert.deepEqual(remembered.row, { ...before, identity_revision: source.identityRevision });
    assert.deepEqual(book.head, remembered.row);
  });

  it("the accepted commit is remembered, with the time since which it counts", async () => {
    const { book, remembered, clock, source, keys } = await parts();
    const identity = { identity_revision: source.identityRevision };
    assert.deepEqual(remembered.row, { commit: TEST_COMMIT, policy_version: 1, ...identity, since_ms: clock.nowMs() });
    clock.advance(5000);
    await book.refresh();
    assert.equal(book.head?.since_ms, clock.nowMs() - 5000);
    source.add(NEXT_COMMIT, policyOf(keys, 2));
    await book.refresh();
    assert.deepEqual(remembered.row, { commit: NEXT_COMMIT, policy_version: 2, ...identity, since_ms: clock.nowMs() });
  });

  it("rollback: a lower version or a head that does not descend leaves the last accepted one in force", async () => {
    const { book, source, policy, remembered } = await parts();
    source.add(NEXT_COMMIT, { ...policy, policy_version: 3 });
    await book.refresh();
    source.add("2".repeat(40), { ...policy, policy_version: 2 });
    await book.refresh();
    assert.equal(book.problem?.code, "policy_rollback");
    assert.deepEqual([book.head?.commit, remembered.row?.commit], [NEXT_COMMIT, NEXT_COMMIT]);
    source.failure = new TriplaneError("policy_rollback", "it does not descend");
    await book.refresh();
    assert.equal(book.head?.commit, NEXT_COMMIT);
  });

  it("start with a repository that fails: the last accepted commit is read again if it is there", async () => {
    const { source, remembered, clock } = await parts();
    source.failure = new TriplaneError("policy_rollback", "it does not descend");
    const book = new PolicyBook({ workspace: WORKSPACE, source, memory: remembered, clock });
    await book.refresh();
    assert.deepEqual([book.head?.commit, book.problem?.code], [TEST_COMMIT, "policy_rollback"]);
  });

  it("policy of another workspace: is no policy here", async () => {
    const { source, policy, clock } = await parts();
    source.add(NEXT_COMMIT, { ...policy, workspace: "w2" });
    const book = new PolicyBook({ workspace: WORKSPACE, source, memory: memory(), clock });
    await book.refresh();
    assert.deepEqual([book.head, book.problem?.code], [undefined, "policy_invalid"]);
  });

  it("the database's failures pass: a process that does not know what it committed must end", async () => {
    const { source, clock } = await parts();
    const broken: PolicyMemory = {
      readPolicy: async () => undefined,
      writePolicy: async () => {
        throw new TriplaneError("store_commit_unknown", "the disk is gone");
      },
    };
    const book = new PolicyBook({ workspace: WORKSPACE, source, memory: broken, clock });
    await assert.rejects(book.refresh(), (error) => error instanceof TriplaneError && error.code === "store_commit_unknown");
  });
});
