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
