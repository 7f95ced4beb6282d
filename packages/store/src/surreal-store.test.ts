import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { systemRandom } from "@triplane/kit";
import { tablesOf } from "./document.ts";
import { MAX_COMMIT_ATTEMPTS } from "./limits.ts";
import type { Session, StatementResult } from "./session.ts";
import { SurrealStore } from "./surreal-store.ts";
import { failsWith } from "./testing/store-contract.ts";
import type { Write } from "./types.ts";

const tables = tablesOf([{ table: "things", indexes: [] }]);
const create: Write = { kind: "create", table: "things", id: "a", document: {} };
const ok: StatementResult = { ok: true, value: [] };
const carriedAlong: StatementResult = { ok: false, kind: "Query", message: "The query was not executed due to a failed transaction" };
const collision: StatementResult = {
  ok: false,
  kind: "Internal",
  message: "Transaction conflict: Resource busy: . This transaction can be retried",
};

/** A session that plays these answers; the last one again and again. */
function playing(...answers: readonly (readonly StatementResult[] | Error)[]): { readonly store: SurrealStore; calls(): number } {
  let calls = 0;
  const session: Session = {
    run: async () => {
      const answer = answers[Math.min(calls, answers.length - 1)];
      calls += 1;
      if (answer instanceof Error) throw answer;
      return answer ?? [];
    },
    close: async () => undefined,
  };
  return { store: new SurrealStore(session, tables, systemRandom), calls: () => calls };
}

describe("SurrealStore", () => {
  it("commit: a collision is tried again", async () => {
    const { store, calls } = playing([ok, carriedAlong, collision], [ok, ok, collision], [ok, ok, ok]);
    await store.commit([create]);
    assert.equal(calls(), 3);
  });

  it("commit: endless collisions end as store_conflict", async () => {
    const { store, calls } = playing([ok, collision]);
    await assert.rejects(store.commit([create]), failsWith("store_conflict"));
    assert.equal(calls(), MAX_COMMIT_ATTEMPTS);
  });

  for (const [what, answer] of Object.entries({
    "an I/O error": [ok, carriedAlong, { ok: false, kind: "Internal", message: "IO error: No space left on device" } as const],
    "a failure without a reason": [ok, carriedAlong],
    "a lost connection": new Error("connection closed"),
  }))
    it(`commit: pitfall 10: after ${what} the outcome is unknown, and nothing is answered any more`, async () => {
      const { store, calls } = playing(answer, [ok, ok, ok]);
      await assert.rejects(store.commit([create]), failsWith("store_commit_unknown"));
      await assert.rejects(store.commit([create]), failsWith("store_commit_unknown"));
      await assert.rejects(store.get("things", "a"), failsWith("store_commit_unknown"));
      await assert.rejects(store.list("things"), failsWith("store_commit_unknown"));
      await assert.rejects(store.count("things"), failsWith("store_commit_unknown"));
      assert.equal(calls(), 1);
    });

  it("commit: those that wait while one runs share a transaction, and none of them writes what another writes", async () => {
    const texts: string[] = [];
    const session: Session = {
      run: async (text) => {
        texts.push(text);
        await new Promise((resolve) => setImmediate(resolve));
        return [ok];
      },
      close: async () => undefined,
    };
    const store = new SurrealStore(session, tables, systemRandom);
    const writes = (id: string): readonly Write[] => [{ ...create, id }];
    await Promise.all(["a", "b", "a", "c"].map((id) => store.commit(writes(id))));
    assert.deepEqual(
      texts.map((text) => text.match(/CREATE/g)?.length),
      [2, 2],
    );
    await Promise.all([store.commit(writes("d")).then(() => store.commit(writes("e"))), store.commit(writes("f"))]);
    assert.deepEqual(
      texts.slice(2).map((text) => text.match(/CREATE/g)?.length),
      [2, 1],
    );
  });

  it("commit: where one of a group cannot be, the others can; after an unknown outcome nobody of the group hears otherwise", async () => {
    const duplicate: StatementResult = { ok: false, kind: "AlreadyExists", message: "record exists" };
    const { store, calls } = playing([duplicate, carriedAlong], [ok], [duplicate], [ok], [carriedAlong]);
    const three = ["a", "b", "c"].map((id) => store.commit([{ ...create, id }]));
    const outcomes = await Promise.allSettled(three);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    await assert.rejects(three[1] ?? Promise.resolve(), failsWith("store_duplicate"));
    assert.equal(calls(), 4);
    for (const one of await Promise.allSettled(["d", "e"].map((id) => store.commit([{ ...create, id }]))))
      assert.ok(one.status === "rejected" && failsWith("store_commit_unknown")(one.reason));
  });

  it("get: those that are asked for together are read in one trip", async () => {
    const asked: unknown[] = [];
    const session: Session = {
      run: async (_text, parameters) => {
        asked.push(parameters);
        return [{ ok: true, value: [{ key: "b", doc: { n: 1 } }] }];
      },
      close: async () => undefined,
    };
    const store = new SurrealStore(session, tables, systemRandom);
    assert.deepEqual(await Promise.all(["a", "b"].map((id) => store.get("things", id))), [undefined, { n: 1 }]);
    assert.deepEqual(asked, [{ ids: ["a", "b"] }]);
  });

  it("highest: an index is proven before it is believed, once; where it has not every record nothing is said", async () => {
    const indexed = tablesOf([{ table: "things", indexes: ["rank"] }]);
    const proofs: unknown[] = [
      { indexed: 2, records: 3 },
      { indexed: 3, records: 3 },
    ];
    const asked: string[] = [];
    const session: Session = {
      run: async (text) => {
        asked.push(text.split(" ")[0] ?? "");
        return [{ ok: true, value: text.startsWith("RETURN") ? proofs.shift() : [] }];
      },
      close: async () => undefined,
    };
    const store = new SurrealStore(session, indexed, systemRandom);
    await assert.rejects(store.highest("things", "rank", 0), failsWith("unavailable"));
    assert.deepEqual([await store.highest("things", "rank", 4), await store.highest("things", "rank", 5)], [4, 5]);
    assert.deepEqual(asked, ["RETURN", "RETURN", "SELECT", "SELECT"]);
  });

  it("reads: a failed one breaks nothing", async () => {
    const { store } = playing([{ ok: false, kind: "Internal", message: "busy" }], [ok, ok, ok]);
    await assert.rejects(store.get("things", "a"), failsWith("unavailable"));
    await store.commit([create]);
  });

  it("close: afterwards nothing is answered", async () => {
    const { store } = playing([ok, ok, ok]);
    await store.close();
    await store.close();
    await assert.rejects(store.commit([create]), failsWith("unavailable"));
  });
});
