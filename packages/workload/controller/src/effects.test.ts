import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { messageIdOf, type WorkMessage } from "@triplane/bus";
import { type Alarm, type ApplyResult, digestOf, type FailureCode, type SigningKey, subjects, TriplaneError } from "@triplane/contract";
import { createMetrics, silentLogger, systemRandom } from "@triplane/kit";
import { openStore, type Store } from "@triplane/store";
import { eventually, type ManualClock, manualClock, type TempDir, tempDir } from "@triplane/testkit";
import { Records } from "./adapters/store-records.ts";
import { Alarms } from "./alarms.ts";
import { Applier } from "./applier.ts";
import { Intake } from "./intake.ts";
import { controllerMetrics } from "./metrics.ts";
import { PolicyBook } from "./policy-book.ts";
import type { Orchestrator } from "./ports.ts";
import { Positions } from "./positions.ts";
import { Publisher } from "./publisher.ts";
import { MIGRATIONS } from "./rows.ts";
import type { Queued } from "./schedule.ts";
import { applyRequestOf, ControllerService } from "./service.ts";
import { AUDIENCE, testSource, WORKSPACE, type World, world } from "./testing/world.ts";

let folder: TempDir;
let opened: Store;
before(async () => {
  folder = await tempDir("controller");
  opened = await openStore({ url: `rocksdb://${folder.path}/store`, migrations: MIGRATIONS });
});
after(async () => {
  await opened.close();
  await folder[Symbol.asyncDispose]();
});

/** Everything that happens, in order: commits, settling of messages, publications, calls of the orchestrator. */
let trace: string[];
let made: World;
let clock: ManualClock;
let records: Records;
let published: { readonly subject: string; readonly text: string; readonly messageId: string }[];
let refusesSubject: string | undefined;
let accepted: Queued[];

beforeEach(async () => {
  trace = [];
  published = [];
  accepted = [];
  refusesSubject = undefined;
  made = world();
  clock = manualClock();
  for (const table of ["ops", "outbox", "rejected", "meta"])
    for (const { id } of await opened.list(table)) await opened.commit([{ kind: "delete", table, id }]);
  const traced: Store = {
    commit: async (writes) => {
      await opened.commit(writes);
      trace.push(`commit ${writes.map(({ kind, table }) => `${kind} ${table}`).join(" + ")}`);
    },
    get: (table, id) => opened.get(table, id),
    list: (table, options) => opened.list(table, options),
    count: (table, where) => opened.count(table, where),
    close: () => opened.close(),
  };
  records = new Records(traced);
});

const bus = {
  publish: async (subject: string, text: string, { messageId }: { readonly messageId: string }) => {
    if (subject === refusesSubject) throw new TriplaneError("publish_unconfirmed", "no answer");
    published.push({ subject, text, messageId });
    trace.push(`publish ${subject}`);
    return { streamSeq: published.length, duplicate: false };
  },
};

function shared(key: SigningKey = made.keys.controller) {
  const metrics = controllerMetrics(createMetrics({ name: "test" }));
  const service = new ControllerService({ audience: AUDIENCE, key, clock });
  const alarms = new Alarms({ bus, workspace: WORKSPACE, clock, logger: silentLogger, metrics });
  return {
    service,
    records,
    alarms,
    metrics,
    positions: new Positions(0),
    logger: silentLogger,
    random: systemRandom,
    onOutbox: () => undefined,
  };
}

async function intake(key?: SigningKey): Promise<Intake> {
  const book = new PolicyBook({ workspace: WORKSPACE, source: testSource(made.policy), memory: records, clock });
  await book.refresh();
  trace = [];
  return new Intake({
    ...shared(key),
    verifyContext: { book, audience: AUDIENCE },
    maxDeliveries: 3,
    onAccepted: (op) => {
      trace.push("apply may start");
      accepted.push(op);
    },
  });
}

function publisher(signal = new AbortController().signal): Publisher {
  const metrics = controllerMetrics(createMetrics({ name: "test" }));
  return new Publisher({ workspace: WORKSPACE, bus, records, metrics, logger: silentLogger, random: systemRandom, signal });
}

function message(text: string, deliveries = 1): WorkMessage {
  return {
    subject: subjects(WORKSPACE).cmd,
    text,
    raw: Buffer.from(text),
    streamSeq: 7,
    deliveries,
    storedAtMs: clock.nowMs(),
    ackConfirmed: async () => {
      trace.push("ack");
      return true;
    },
    working: () => undefined,
    retryLater: () => trace.push("give back"),
    terminate: async () => {
      trace.push("terminate");
    },
  };
}

describe("Intake: order of effects", () => {
  it("admission: row, ack, apply (persist-before-ack)", async () => {
    await (await intake()).handle(message(made.admission(made.op())));
    assert.deepEqual(trace, ["commit create ops", "ack", "apply may start"]);
    assert.equal(accepted.length, 1);
  });

  it("refusal: row and outbox row in one commit, then the ack", async () => {
    await (await intake()).handle(message(made.refusal(made.op({ op: "component.remove" }))));
    assert.deepEqual(trace, ["commit create ops + create outbox", "ack"]);
  });

  it("known op: acked without anything new; ended op: its receipt goes into the outbox again, once", async () => {
    const taking = await intake();
    const text = made.refusal(made.op({ op: "component.remove" }));
    await taking.handle(message(text));
    const [first] = await records.outbox("audit", 10);
    await taking.handle(message(text));
    assert.equal((await records.outbox("audit", 10)).length, 1, "it waits there already");
    await records.published(first?.id ?? "");
    trace = [];
    await taking.handle(message(text));
    assert.deepEqual(trace, ["commit create outbox", "ack"]);
    const [again] = await records.outbox("audit", 10);
    assert.ok(first?.row.kind === "audit" && again?.row.kind === "audit" && again.row.record === first.row.record);
    const admitted = made.admission(made.op());
    await taking.handle(message(admitted));
    trace = [];
    await taking.handle(message(admitted));
    assert.deepEqual(trace, ["ack"]);
  });

  it("forgery: evidence and alarm in one commit, then it is taken off; nothing is recorded or applied", async () => {
    const text = made.admission(made.op(), {}, "stranger");
    await (await intake()).handle(message(text));
    assert.deepEqual(trace, ["commit create rejected + create outbox", "terminate"]);
    assert.deepEqual(accepted, []);
    assert.equal((await opened.get("rejected", digestOf(text)))?.["code"], "chain_broken");
    assert.equal((await records.outbox("audit", 10)).length, 0);
  });

  it("same forgery again: taken off, nothing more is kept", async () => {
    const taking = await intake();
    for (let times = 0; times < 3; times += 1) await taking.handle(message("garbage"));
    assert.equal(await opened.count("rejected"), 1);
    assert.equal(trace.filter((each) => each === "terminate").length, 3);
  });

  it("flood of forgeries: alarms stop at a number a minute, evidence at a number at all", async () => {
    const taking = await intake();
    for (let number = 0; number < 40; number += 1) await taking.handle(message(`garbage ${number}`));
    assert.equal((await records.outbox("alarm", 100)).length, 30);
    assert.equal(await opened.count("rejected"), 40);
  });

  it("message that fails for a reason of its own: given back, then poisoned with evidence and alarm", async () => {
    const brokenKey = {
      ...made.keys.controller,
      sign: () => {
        throw new Error("the key does not sign");
      },
    };
    const taking = await intake(brokenKey);
    const text = made.refusal(made.op({ op: "component.remove" }));
    await taking.handle(message(text, 1));
    await taking.handle(message(text, 2));
    assert.deepEqual(trace, ["give back", "give back"]);
    await taking.handle(message(text, 3));
    assert.equal(trace.at(-1), "terminate");
    const [entry] = await records.outbox("alarm", 10);
    assert.ok(entry?.row.kind === "alarm" && (JSON.parse(entry.row.text) as Alarm).code === ("poisoned" satisfies FailureCode));
    assert.equal((await opened.get("rejected", digestOf(text)))?.["code"], "poisoned");
  });
});

describe("Publisher", () => {
  async function finishOne(): Promise<string> {
    const text = made.refusal(made.op({ op: "component.remove" }));
    await (await intake()).handle(message(text));
    const [entry] = await records.outbox("audit", 1);
    trace = [];
    return entry?.row.kind === "audit" ? entry.row.record : "";
  }

  it("record: published under the digest of its bytes and confirmed, then answered, then it leaves the outbox (publish-before-ack)", async () => {
    const record = await finishOne();
    assert.deepEqual(await publisher().flush(), { sent: 1, failed: false });
    assert.deepEqual(
      trace.map((each) => each.split(".").slice(0, 2).join(".")),
      ["publish ops.audit", "publish ops.answer", "commit delete outbox"],
    );
    assert.deepEqual([published[0]?.text, published[0]?.messageId], [record, messageIdOf(record)]);
  });

  it("broker that does not confirm: the row stays, and the same bytes go again", async () => {
    const record = await finishOne();
    const publishing = publisher();
    refusesSubject = subjects(WORKSPACE).audit;
    assert.deepEqual(await publishing.flush(), { sent: 0, failed: true });
    assert.equal(publishing.failures, 1);
    assert.equal((await records.outbox("audit", 10)).length, 1);
    refusesSubject = undefined;
    assert.deepEqual(await publishing.flush(), { sent: 1, failed: false });
    assert.equal(published[0]?.text, record);
    assert.equal(publishing.failures, 0);
  });

  it("answer that cannot be published: holds nothing up", async () => {
    await finishOne();
    const [entry] = await records.outbox("audit", 1);
    assert.ok(entry?.row.kind === "audit" && entry.row.answer_to !== undefined);
    refusesSubject = subjects(WORKSPACE).answer(entry.row.answer_to.principal, entry.row.answer_to.jti);
    assert.deepEqual(await publisher().flush(), { sent: 1, failed: false });
    assert.equal(await records.outboxDepth(), 0);
  });

  it("alarms that cannot be published: records go out all the same", async () => {
    await (await intake()).handle(message("garbage"));
    await finishOne();
    refusesSubject = subjects(WORKSPACE).alarm;
    assert.deepEqual(await publisher().flush(), { sent: 1, failed: true });
    assert.deepEqual([(await records.outbox("audit", 10)).length, (await records.outbox("alarm", 10)).length], [0, 1]);
  });
});

describe("Applier", () => {
  interface Scripted extends Orchestrator {
    readonly said: (string | FailureCode)[];
  }
  /** Answers each call with the next word: a status, or a failure code. */
  function orchestrator(...words: readonly (ApplyResult["status"] | FailureCode)[]): Scripted {
    const said: string[] = [];
    const answer = async (what: string, jti: string): Promise<ApplyResult> => {
      const word = words[Math.min(said.length, words.length - 1)] ?? "unavailable";
      said.push(`${what}: ${word}`);
      if (word !== "applied" && word !== "failed" && word !== "conflict" && word !== "running")
        throw new TriplaneError(word, "as scripted");
      const row = await records.op(jti);
      const digest = row?.op_digest ?? digestOf("");
      const state = { state_version_before: 0, state_version_after: 1, workspace_revision: 1, evidence: {} };
      return { jti, op_digest: digest, status: word, target: "web", ...state };
    };
    return { said, op: (jti) => answer("ask", jti), apply: (request) => answer("apply", request.jti) };
  }

  async function accept(target = "web"): Promise<Queued> {
    await (await intake()).handle(message(made.admission(made.op({ target }))));
    trace = [];
    const op = accepted.at(-1);
    assert.ok(op !== undefined);
    return op;
  }

  function applier(scripted: Orchestrator, fatal: TriplaneError[] = [], signal = new AbortController().signal): Applier {
    const parts = { ...shared(), positions: new Positions(100), clock, fence: 4, parallel: 2, signal };
    return new Applier({ ...parts, orchestrator: scripted, onFatal: (error) => fatal.push(error) });
  }

  it("new op: applied without asking; result and outbox row in one commit (applied-once)", async () => {
    const op = await accept();
    const scripted = orchestrator("applied");
    const working = applier(scripted);
    working.push(op);
    await working.idle();
    assert.deepEqual(scripted.said, ["apply: applied"]);
    assert.deepEqual(trace, ["commit replace ops + create outbox"]);
    assert.equal((await records.op(op.subject))?.state, "finished");
    assert.equal(working.depth, 0);
  });

  it("op of an earlier process: the orchestrator is asked first, and told again only what it does not know", async () => {
    const known = await accept("a");
    const asked = orchestrator("applied");
    const one = applier(asked);
    one.resume([known]);
    await one.idle();
    assert.deepEqual(asked.said, ["ask: applied"]);
    const unknown = await accept("b");
    const told = orchestrator("op_unknown", "applied");
    const two = applier(told);
    two.resume([unknown]);
    await two.idle();
    assert.deepEqual(told.said, ["ask: op_unknown", "apply: applied"]);
  });

  it("unclear answer: asked before it is sent again; still running: asked until it ends", async () => {
    const op = await accept();
    const scripted = orchestrator("unavailable", "running", "running", "failed");
    const working = applier(scripted);
    working.push(op);
    await working.idle();
    assert.deepEqual(scripted.said, ["apply: unavailable", "ask: running", "ask: running", "ask: failed"]);
    const row = await records.op(op.subject);
    assert.ok(row?.state === "finished" && row.outcome === "failed" && row.code === "apply_failed");
  });

  it("refused call: ends as failed with the orchestrator's code, nothing is tried again", async () => {
    const op = await accept();
    const scripted = orchestrator("request_invalid");
    const working = applier(scripted);
    working.push(op);
    await working.idle();
    const row = await records.op(op.subject);
    assert.ok(row?.state === "finished" && row.outcome === "failed" && row.code === "request_invalid");
    assert.equal(scripted.said.length, 1);
  });

  it("stale fence: ends the controller, the op stays accepted for the one that took over", async () => {
    const op = await accept();
    const fatal: TriplaneError[] = [];
    const working = applier(orchestrator("fencing_stale"), fatal);
    working.push(op);
    await working.idle();
    assert.deepEqual(
      fatal.map(({ code }) => code),
      ["fencing_stale"],
    );
    assert.equal((await records.op(op.subject))?.state, "accepted");
  });

  it("stopped in the middle: the op stays accepted", async () => {
    const op = await accept();
    const stopping = new AbortController();
    const scripted = orchestrator("unavailable");
    const working = applier(scripted, [], stopping.signal);
    working.push(op);
    await eventually(() => scripted.said.length > 0);
    stopping.abort();
    await working.idle();
    assert.equal((await records.op(op.subject))?.state, "accepted");
    assert.equal((await records.unfinished()).length, 1);
  });

  it("answer about other bytes: is not taken for the op's", async () => {
    const op = await accept();
    const row = await records.op(op.subject);
    assert.ok(row?.state === "accepted");
    const request = applyRequestOf(row, 1);
    const state = { state_version_before: 0, state_version_after: 1, workspace_revision: 1, evidence: {} };
    const other: ApplyResult = { jti: request.jti, op_digest: digestOf("other"), status: "applied", target: "web", ...state };
    const working = applier({ op: async () => other, apply: async () => other });
    working.push(op);
    await working.idle();
    const ended = await records.op(op.subject);
    assert.ok(ended?.state === "finished" && ended.outcome === "failed" && ended.code === "jti_reused");
  });
});

describe("Records", () => {
  it("evidence: the oldest of too many goes", async () => {
    const row = { code: "chain_broken", reason: "no", stream_seq: 1, size_bytes: 1, bytes: "" };
    for (let start = 0; start < 1000; start += 500)
      await opened.commit(
        Array.from({ length: 500 }, (_, index) => ({
          kind: "create" as const,
          table: "rejected",
          id: `old-${start + index}`,
          document: { ...row, at: start + index },
        })),
      );
    assert.equal(await records.reject("newest", { ...row, at: 5000 }, undefined), true);
    assert.equal(await opened.count("rejected"), 1000);
    assert.equal(await opened.get("rejected", "old-0"), undefined);
    assert.ok((await opened.get("rejected", "newest")) !== undefined);
  });

  it("positions: go on after a restart", async () => {
    assert.equal(await records.lastPosition(), 0);
    await (await intake()).handle(message(made.admission(made.op())));
    assert.equal(await records.lastPosition(), 1);
  });
});
