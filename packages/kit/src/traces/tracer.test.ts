// Tests of the tracer with collectors that take, refuse, and are away.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, startTraceCollector } from "@triplane/testkit";
import { systemRandom } from "../clock.ts";
import { freePort } from "../ports.ts";
import { createTracer, MAX_QUEUED_SPANS, type OpSpan } from "./tracer.ts";

const SPAN: OpSpan = {
  jti: "018f4b7c-9a00-7abc-8def-0123456789ab",
  name: "keeper.decide",
  startMs: 1,
  endMs: 2,
  attributes: { verdict: "admit" },
};

function tracer(endpoint: string) {
  const counts = { sent: 0, dropped: 0 };
  const spans = {
    add: (labels: Readonly<Record<string, string>> = {}, amount = 1) => {
      counts[labels["result"] === "sent" ? "sent" : "dropped"] += amount;
    },
  };
  return { counts, ...createTracer({ endpoint, name: "keeper", workspace: "w1", spans, random: systemRandom }) };
}

test("createTracer: sends what it was told to a collector, in one request, and counts it", async () => {
  const it = await startTraceCollector();
  const traced = tracer(`${it.url}/`);
  for (let index = 0; index < 3; index += 1) traced.span(SPAN);
  await eventually(() => traced.counts.sent === 3);
  assert.deepEqual(it.requests, ["POST /v1/traces application/json"]);
  assert.equal(it.bodies[0]?.match(/"name":"keeper.decide"/g)?.length, 3);
  await traced.close();
  await it.close();
});

test("createTracer: what a collector says it cannot take now comes again, what it refuses is dropped", async () => {
  let status = 503;
  const it = await startTraceCollector({ status: () => status });
  const traced = tracer(it.url);
  traced.span(SPAN);
  await eventually(() => it.requests.length >= 1);
  assert.deepEqual(traced.counts, { sent: 0, dropped: 0 });
  status = 200;
  await eventually(() => traced.counts.sent === 1);
  status = 400;
  traced.span(SPAN);
  await eventually(() => traced.counts.dropped === 1);
  await traced.close();
  await it.close();
});

test("createTracer: with nobody there it holds a bounded number of spans, never throws, and what is left at the end is counted", async () => {
  const traced = tracer(`http://127.0.0.1:${await freePort()}`);
  for (let index = 0; index < MAX_QUEUED_SPANS + 10; index += 1) traced.span(SPAN);
  assert.ok(traced.counts.dropped >= 10);
  await traced.close();
  assert.deepEqual(traced.counts, { sent: 0, dropped: MAX_QUEUED_SPANS + 10 });
  traced.span(SPAN);
  assert.equal(traced.counts.dropped, MAX_QUEUED_SPANS + 11);
});

test("createTracer: close sends what is held", async () => {
  const it = await startTraceCollector();
  const traced = tracer(it.url);
  traced.span(SPAN);
  await traced.close();
  assert.deepEqual(traced.counts, { sent: 1, dropped: 0 });
  await it.close();
});
