import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkMessage } from "@triplane/bus";
import { type OpClaims, subjects, TriplaneError } from "@triplane/contract";
import fc from "fast-check";
import { opsOf, readRecord, sequenceRecordSchema } from "./records.ts";
import { admissionOf, type Bench, bench, refusalOf } from "./testing/bench.ts";
import { AUDIENCE, type Person } from "./testing/world.ts";

const on = subjects(AUDIENCE.workspace);
const RESTART = { op: "component.restart" } as const;

/** Submits in order and works all off as one batch, as often as something is pending. */
async function takeAll(at: Bench, texts: readonly (string | Uint8Array)[]): Promise<readonly string[]> {
  for (const text of texts) at.memory.submit(text, at.world.clock.nowMs());
  const handled = await at.desk.workAll(await at.memory.allPending(), at.world.inForce);
  await at.desk.settled();
  return handled.map((each) => (each.as === "worked" ? each.worked.intake.verdict : each.as));
}

const recordsOf = (at: Bench) => at.memory.steps.filter((step) => step.what === "record");

test("workAll: the ops of a key are counted by one write, and each of them is repeated byte for byte", async () => {
  const at = bench();
  const ops = [1, 2, 3, 4, 5].map((seq) => at.world.op("ana", seq, RESTART).compact);
  assert.deepEqual(await takeAll(at, ops), Array(5).fill("admit"));
  assert.equal(recordsOf(at).length, 1);
  const first = at.memory.texts(on.cmd);
  assert.deepEqual(await takeAll(at, [...ops].reverse()), Array(5).fill("repeat"));
  assert.deepEqual(at.memory.texts(on.cmd).slice(5).reverse(), first);
  // Another process over the same bucket knows no more than what is recorded.
  const other = at.restart();
  for (const op of ops) assert.equal((await other.take(op)).verdict, "repeat");
  assert.deepEqual(at.memory.texts(on.cmd).slice(10), first);
});

test("workAll: decides as if the ops had come one at a time", async () => {
  const claims = fc.constantFrom<Partial<OpClaims>>(RESTART, {}, { op: "component.remove" }, { op: "job.run" });
  const message = fc.record({
    by: fc.constantFrom<Person>("ana", "ben", "scout"),
    skip: fc.constantFrom(0, 0, 0, 0, 1, -1),
    claims,
    again: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 14 }), async (messages) => {
      const at = bench();
      const next = new Map<Person, number>();
      const texts = messages.flatMap(({ by, skip, claims: some, again }) => {
        const seq = Math.max(1, (next.get(by) ?? 1) + skip);
        if (skip === 0) next.set(by, seq + 1);
        const scope = by === "scout" ? { scope: "restarts", ...RESTART } : some;
        const { compact } = at.world.op(by, seq, scope);
        return again ? [compact, compact] : [compact];
      });
      const together = await takeAll(at, texts);
      const alone = at.fresh();
      const single: string[] = [];
      for (const text of texts) single.push((await alone.take(text)).verdict);
      assert.deepEqual(together, single);
      const said = (commands: ReturnType<Bench["commands"]>) =>
        commands.map(({ claims: each }) => ["code" in each ? each.code : each.basis, each.op_digest, each.facts]);
      const sorted = (list: readonly (readonly unknown[])[]) => list.map((each) => JSON.stringify(each)).sort();
      assert.deepEqual(sorted(said(at.commands())), sorted(said(alone.commands())));
      for (const by of ["ana", "ben", "scout"] as const) assert.deepEqual(ofKey(at, by), ofKey(alone, by));
    }),
    { numRuns: 40 },
  );
});

/** Digests on the command subject of one key's ops, in the order of the stream. */
function ofKey(at: Bench, by: Person): readonly string[] {
  const { did } = at.world.keys[by];
  return at.commands().flatMap(({ claims }) => (claims.op !== undefined && issuerOf(claims.op) === did ? [claims.op_digest] : []));
}

function issuerOf(op: string): unknown {
  return (JSON.parse(Buffer.from(op.split(".")[1] ?? "", "base64url").toString()) as { readonly iss: string }).iss;
}

test("workAll: rates count the ops of the same batch", async () => {
  const at = bench();
  const verdicts = await takeAll(
    at,
    [1, 2, 3, 4].map((seq) => at.world.op("ana", seq).compact),
  );
  assert.deepEqual(verdicts, ["admit", "admit", "admit", "refuse"]);
  assert.deepEqual(admissionOf(at.commands()[2]).facts, { recent_auto: { deploys: 2 } });
});

test("workAll: a publish that fails holds up the ops of its key behind it, and no others (publish-before-ack)", async () => {
  const at = bench();
  const texts = [at.world.op("ana", 1, RESTART), at.world.op("ben", 1, RESTART), at.world.op("ana", 2, RESTART)].map(
    ({ compact }) => compact,
  );
  let failed = false;
  at.memory.onStep = (step) => {
    if (step.what === "publish" && !failed) {
      failed = true;
      throw new TriplaneError("publish_unconfirmed", "no answer");
    }
  };
  assert.deepEqual(await takeAll(at, texts), ["failed", "admit", "waits"]);
  assert.equal(at.memory.pendingCount, 2);
  at.memory.onStep = () => undefined;
  assert.deepEqual(await takeAll(at, []), ["repeat", "repeat"]);
  assert.equal(at.memory.pendingCount, 0);
  assert.equal(ofKey(at, "ana").length, 2);
});

test("workAll: a write that is lost to a person who admits is decided again on what that person wrote", async () => {
  const at = bench();
  assert.equal((await at.take(at.world.op("ana", 1, RESTART).compact)).verdict, "admit");
  const other = at.restart();
  const second = at.world.op("ana", 2, RESTART).compact;
  at.memory.submit(second, at.world.clock.nowMs());
  const [copy] = await at.memory.allPending();
  assert.ok(copy !== undefined);
  await other.desk.work(copy, at.world.inForce);
  // This keeper still remembers number 1 as the last.
  assert.deepEqual(await takeAll(at, [second, at.world.op("ana", 3, RESTART).compact]), ["repeat", "admit"]);
  assert.equal(new Set(ofKey(at, "ana")).size, 3);
});

test("workAll: a number that a person took in the meantime is no gap", async () => {
  const at = bench();
  assert.equal((await at.take(at.world.op("ana", 1, RESTART).compact)).verdict, "admit");
  assert.equal((await at.restart().take(at.world.op("ana", 2, RESTART).compact)).verdict, "admit");
  assert.deepEqual(await takeAll(at, [at.world.op("ana", 3, RESTART).compact]), ["admit"]);
});

test("workAll: a message that cannot be decided on holds up those behind it, and those before it go out", async () => {
  const at = bench();
  const broken = at.world.op("ben", 1, RESTART);
  await at.memory.bucket.create(broken.op.claims.iss.slice("did:key:".length), "{}");
  const texts = [at.world.op("ana", 1, RESTART).compact, broken.compact, at.world.op("ana", 2, RESTART).compact];
  assert.deepEqual(await takeAll(at, texts), ["admit", "failed", "waits"]);
  assert.equal(at.commands().length, 1);
});

test("workAll: what does not fit into one write goes into the next, and everything can be repeated", async () => {
  const at = bench();
  const reason = "x".repeat(1000);
  const args = { note: "y".repeat(4000) };
  const ops = Array.from({ length: 12 }, (_, index) => at.world.op("ana", index + 1, { ...RESTART, reason, args }).compact);
  assert.deepEqual(await takeAll(at, ops), Array(12).fill("admit"));
  const writes = recordsOf(at).length;
  assert.ok(writes > 1 && writes < 12, `${writes} writes`);
  const key = at.world.keys.ana.did.slice("did:key:".length);
  const entries = await at.memory.bucket.history(key);
  for (const { value } of entries) assert.ok(value.length <= 64 * 1024, `${value.length} bytes`);
  const numbers = entries.flatMap(({ value }) => opsOf(readRecord(key, value, sequenceRecordSchema)).map(({ seq }) => seq));
  assert.deepEqual(
    numbers,
    Array.from({ length: 12 }, (_, index) => 12 - index),
  );
  const other = at.restart();
  for (const op of ops) assert.equal((await other.take(op)).verdict, "repeat");
});

for (const when of ["before", "after"] as const) {
  for (const nth of [1, 2, 3, 4, 5, 6, 7]) {
    test(`workAll: a crash ${when} step ${nth} of a batch ends in one output for each op, in order (persist-before-ack, publish-before-ack)`, async () => {
      const at = bench();
      const ops = [
        at.world.op("ana", 1, RESTART),
        at.world.op("ana", 2, { op: "job.run" }),
        at.world.op("ben", 1, RESTART),
        at.world.op("ana", 3, RESTART),
      ];
      let seen = 0;
      at.memory.onStep = (step, point) => {
        if (point === when) seen += 1;
        // Once dead, it does nothing more.
        if (seen >= nth && point === when) throw new TriplaneError("publish_unconfirmed", `dead at ${step.what}`);
      };
      for (const { compact } of ops) at.memory.submit(compact, at.world.clock.nowMs());
      await at.desk.workAll(await at.memory.allPending(), at.world.inForce);
      await at.desk.settled().catch(() => undefined);
      at.memory.onStep = () => undefined;
      at.world.clock.advance(7000);
      const restarted = at.restart();
      const left: readonly WorkMessage[] = await at.memory.allPending();
      await restarted.desk.workAll(left, at.world.inForce);
      await restarted.desk.settled();
      assert.equal(at.memory.pendingCount, 0);
      const texts = at.memory.texts(on.cmd);
      assert.equal(new Set(texts).size, ops.length, "one output for each, byte for byte");
      const order = [...new Set(ofKey(at, "ana"))];
      assert.deepEqual(
        order,
        ops.filter(({ op }) => op.claims.iss === at.world.keys.ana.did).map(({ op }) => op.token.digest),
      );
      assert.equal(refusalOf(at.commands().find(({ claims }) => "code" in claims)).code, "policy_denied");
    });
  }
}
