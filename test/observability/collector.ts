// A collector of traces that says which spans it got.
import { startTraceCollector, type TraceCollector } from "@triplane/testkit";

export interface KeptSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
}

interface Request {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[] };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<KeptSpan, "service">[] }[];
  }[];
}

export interface Collector extends TraceCollector {
  spans(): readonly KeptSpan[];
}

export async function startCollector(): Promise<Collector> {
  const collector = await startTraceCollector();
  return {
    ...collector,
    spans: () =>
      collector.bodies.flatMap((body) =>
        (JSON.parse(body) as Request).resourceSpans.flatMap(({ resource, scopeSpans }) => {
          const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? "";
          return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ service, ...span })));
        }),
      ),
  };
}
