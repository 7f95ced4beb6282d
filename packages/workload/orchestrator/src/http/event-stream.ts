// Server-sent events from the ring: a reader that is slow falls behind in the ring, never in memory.
import type { EventRing, OrchestratorEvent } from "../events.ts";

const BATCH = 100;
const HEARTBEAT_MS = 15_000;

/** The body of a text/event-stream answer, from after event `afterId` on; ends when `signal` aborts. */
export function eventStream(ring: EventRing, afterId: number, signal: AbortSignal): ReadableStream<Uint8Array> {
  const text = new TextEncoder();
  let cursor = afterId;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(text.encode(": connected\n\n"));
    },
    async pull(controller) {
      const { missing, events } = ring.after(cursor);
      if (signal.aborted) {
        controller.close();
        return;
      }
      if (events.length === 0) {
        const woken = await somethingNew(ring, cursor, signal);
        controller.enqueue(text.encode(woken ? ": \n\n" : ": still here\n\n"));
        return;
      }
      const batch = events.slice(0, BATCH);
      cursor = batch.at(-1)?.id ?? cursor;
      const lines = batch.map(formatEvent);
      if (missing > 0) lines.unshift(`event: missing\ndata: ${JSON.stringify({ missing })}\n\n`);
      controller.enqueue(text.encode(lines.join("")));
    },
  });
}

function formatEvent({ id, type, ...rest }: OrchestratorEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(rest)}\n\n`;
}

function somethingNew(ring: EventRing, cursor: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const finish = (woken: boolean) => (): void => {
      clearTimeout(timer);
      unsubscribe();
      signal.removeEventListener("abort", wake);
      resolve(woken);
    };
    const wake = finish(true);
    const timer = setTimeout(finish(false), HEARTBEAT_MS);
    const unsubscribe = ring.subscribe(wake);
    signal.addEventListener("abort", wake, { once: true });
    if (ring.lastId > cursor || signal.aborted) wake();
  });
}
