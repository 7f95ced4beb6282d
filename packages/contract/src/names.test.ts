// Names are checked before they touch a subject or a path; limits nest; the failure table is whole.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FAILURES, isFailureCode, TriplaneError, toTriplaneError } from "./failures/index.ts";
import { MAX_APPROVALS, MAX_TOKEN_BYTES } from "./limits.ts";
import { assertWorkspace, JTI_PATTERN, streamNames, subjects } from "./names.ts";
import { bucketSettings, consumerSettings, streamSettings } from "./streams.ts";
import { timeOfUuid7, uuid7 } from "./uuid7.ts";

test("assertWorkspace: accepts one token of a subject and nothing else", () => {
  for (const name of ["libre-wuji", "a", "a1", "0", "x".repeat(32)]) assert.equal(assertWorkspace(name), name);
  for (const name of ["", "-a", "a-", "A", "a.b", "a*", ">", "a b", "../x", "é", "x".repeat(33), "a/b", "a\n"]) {
    assert.throws(
      () => assertWorkspace(name),
      (thrown) => thrown instanceof TriplaneError && thrown.code === "workspace_invalid",
      name,
    );
  }
});

test("streamSettings: every subject of the contract lies in exactly one stream", () => {
  const on = subjects("w1");
  const all = streamSettings("w1").flatMap((stream) => stream.subjects);
  assert.deepEqual([...all].sort(), [on.pending, on.cmd, on.audit, on.reviewAll, on.approvalAll, on.answerAll, on.alarm].sort());
  assert.equal(new Set(all).size, all.length);
});

test("streamSettings: pitfall 7: persist-before-ack: what is accepted is never pushed out, aged out or purged", () => {
  const names = streamNames("w1");
  for (const stream of streamSettings("w1")) {
    assert.ok(stream.deny_delete && stream.deny_purge, stream.name);
    if (stream.name === names.pending || stream.name === names.cmd) {
      assert.equal(stream.retention, "workqueue");
      assert.equal(stream.discard, "new");
      assert.equal(stream.max_age, 0);
    }
    if (stream.name === names.audit) assert.deepEqual([stream.retention, stream.discard, stream.max_age], ["limits", "new", 0]);
  }
});

test("consumerSettings: ops-controller-single-workqueue-consumer: one consumer a stream, in order, attempts counted by us", () => {
  const consumers = consumerSettings("w1");
  assert.equal(new Set(consumers.map((consumer) => consumer.stream)).size, consumers.length);
  for (const consumer of consumers) assert.equal(consumer.max_deliver, -1);
  assert.equal(consumers.find((consumer) => consumer.durable_name === "ops-controller")?.max_ack_pending, 256);
  assert.ok(bucketSettings("w1").length === 2);
});

test("limits: an outer object has room for the largest inner ones", () => {
  const grown = (bytes: number) => Math.ceil((bytes * 4) / 3);
  const inAdmission = grown(MAX_TOKEN_BYTES["op+jwt"] + 4 * MAX_TOKEN_BYTES["approval+jwt"]);
  assert.ok(inAdmission < MAX_TOKEN_BYTES["admission+jwt"]);
  assert.ok(grown(MAX_TOKEN_BYTES["admission+jwt"]) < MAX_TOKEN_BYTES["audit+jwt"]);
  assert.ok(Object.values(MAX_TOKEN_BYTES).every((bytes) => bytes <= 64 * 1024));
  assert.ok(MAX_APPROVALS >= 4);
});

test("uuid7: has time in front, version 7 and the RFC variant", () => {
  const id = uuid7(0x0123456789ab, new Uint8Array(10).fill(255));
  assert.equal(timeOfUuid7(id), 0x0123456789ab);
  assert.equal(id, "01234567-89ab-7fff-bfff-ffffffffffff");
  assert.match(id, JTI_PATTERN);
});

test("FAILURES: every row is whole, and every sentence ends", () => {
  for (const [code, row] of Object.entries(FAILURES)) {
    assert.match(code, /^[a-z][a-z0-9_]*$/);
    assert.ok(row.httpStatus >= 400 && row.httpStatus < 600, code);
    assert.match(row.what, /\.$/, code);
    assert.match(row.hint, /\.$/, code);
    assert.ok(isFailureCode(code));
  }
});

test("toTriplaneError: keeps a code, and turns what is unknown into internal with its cause", () => {
  const known = new TriplaneError("usage", "no");
  assert.equal(toTriplaneError(known), known);
  const cause = new Error("disk on fire");
  const unknown = toTriplaneError(cause);
  assert.equal(unknown.code, "internal");
  assert.equal(unknown.cause, cause);
  assert.equal(unknown.httpStatus, 500);
  assert.equal(unknown.retry, "later");
});
