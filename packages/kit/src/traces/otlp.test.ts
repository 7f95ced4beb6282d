// Tests of the OTLP request: what OpenTelemetry's own serializer writes for the same span is the measure.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import { otlpRequest } from "./otlp.ts";
import { idsOf, SPANS, type SpanName, traceIdOf } from "./spans.ts";

type Theirs = Parameters<typeof JsonTraceSerializer.serializeRequest>[0][number];

const JTI = "018f4b7c-9a00-7abc-8def-0123456789ab";
const START_MS = 1_800_000_000_123;
const END_MS = START_MS + 4_567;

/** The same span as the official SDK holds it. */
function official(name: SpanName): Theirs {
  const ids = idsOf(JTI, name);
  const context = (spanId: string) => ({ traceId: ids.traceId, spanId, traceFlags: 1 });
  const attributes = { "service.name": "keeper", "service.namespace": "triplane", "triplane.workspace": "w1" };
  const span = {
    name,
    kind: 0,
    spanContext: () => context(ids.spanId),
    ...(ids.parentSpanId === undefined ? {} : { parentSpanContext: context(ids.parentSpanId) }),
    ...{ startTime: [1_800_000_000, 123_000_000], endTime: [1_800_000_004, 690_000_000], duration: [4, 567_000_000], ended: true },
    ...{ status: { code: 2 }, attributes: { "triplane.jti": JTI, "triplane.verdict": "refuse" }, links: [], events: [] },
    resource: { attributes },
    instrumentationScope: { name: "triplane" },
    ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
  };
  // The resource has members beside its attributes that the serializer does not read.
  return span as unknown as Theirs;
}

interface Request {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: unknown };
    readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly Record<string, unknown>[] }[];
  }[];
}

for (const name of ["op", "orchestrator.apply"] as const) {
  test(`otlpRequest: a span "${name}" is member by member what the official serializer writes`, () => {
    const bytes = JsonTraceSerializer.serializeRequest([official(name)]);
    const theirs = JSON.parse(Buffer.from(bytes ?? []).toString("utf8")) as Request;
    const span = { ...idsOf(JTI, name), jti: JTI, name, startMs: START_MS, endMs: END_MS, failed: true, attributes: { verdict: "refuse" } };
    const ours = JSON.parse(otlpRequest({ name: "keeper", workspace: "w1" }, [span])) as Request;
    const [source, theirSource] = [ours.resourceSpans[0], theirs.resourceSpans[0]];
    assert.deepEqual(source?.resource.attributes, theirSource?.resource.attributes);
    const [scope, theirScope] = [source?.scopeSpans[0], theirSource?.scopeSpans[0]];
    assert.equal(scope?.scope.name, theirScope?.scope.name);
    const [one, other] = [scope?.spans[0] ?? {}, theirScope?.spans[0] ?? {}];
    assert.ok(Object.keys(one).length >= 8);
    for (const [member, value] of Object.entries(one)) assert.deepEqual(value, other[member], member);
  });
}

test("idsOf: ids follow from the jti alone, and every span's parent is a span of the same trace", () => {
  const digest = createHash("sha256").update(JTI).digest("hex");
  assert.equal(traceIdOf(JTI), digest.slice(0, 32));
  assert.deepEqual(idsOf(JTI, "op"), { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48), parentSpanId: undefined });
  const names = Object.keys(SPANS) as SpanName[];
  const spanIds = new Set(names.map((name) => idsOf(JTI, name).spanId));
  assert.equal(spanIds.size, names.length);
  for (const name of names) {
    const { traceId, parentSpanId } = idsOf(JTI, name);
    assert.equal(traceId, traceIdOf(JTI));
    if (name !== "op") assert.ok(parentSpanId !== undefined && spanIds.has(parentSpanId), name);
  }
});
