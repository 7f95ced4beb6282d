// Spans as an OTLP request in JSON (opentelemetry-proto 1.x, trace service; ids are hexadecimal there, times decimal text).
import type { SpanIds } from "./spans.ts";

export type SpanAttributes = Readonly<Record<string, string | undefined>>;

export interface IdentifiedSpan extends SpanIds {
  readonly jti: string;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly failed?: boolean;
  readonly attributes?: SpanAttributes;
}

const KIND_INTERNAL = 1;
const STATUS_UNSET = 0;
const STATUS_ERROR = 2;
const NANOS_OF_MS = "000000";

export function otlpRequest(
  source: { readonly name: string; readonly workspace: string | undefined },
  spans: readonly IdentifiedSpan[],
): string {
  const resource = { "service.name": source.name, "service.namespace": "triplane", "triplane.workspace": source.workspace };
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: "triplane" }, spans: spans.map(spanJson) }],
      },
    ],
  });
}

function spanJson({ traceId, spanId, parentSpanId, name, jti, startMs, endMs, failed, attributes = {} }: IdentifiedSpan) {
  const named = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [`triplane.${key}`, value]));
  return {
    ...{ traceId, spanId, ...(parentSpanId === undefined ? {} : { parentSpanId }), name, kind: KIND_INTERNAL },
    startTimeUnixNano: nanos(Math.min(startMs, endMs)),
    endTimeUnixNano: nanos(endMs),
    attributes: attributesOf({ "triplane.jti": jti, ...named }),
    status: { code: failed === true ? STATUS_ERROR : STATUS_UNSET },
  };
}

function attributesOf(values: SpanAttributes) {
  return Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: { stringValue: value } }]));
}

function nanos(ms: number): string {
  return `${Math.max(0, Math.floor(ms))}${NANOS_OF_MS}`;
}
