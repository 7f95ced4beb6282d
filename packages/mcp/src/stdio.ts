// The server on standard input and output, for a client that started this process.
import type { Readable, Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { sleep } from "@triplane/kit";
import { agentServer, type ServerOptions } from "./server.ts";

/** How long calls are waited for whose client says no more. */
const DRAIN_MS = 60_000;
const MAX_MESSAGE_BYTES = 1024 * 1024;

export interface StdioOptions extends ServerOptions {
  readonly input: Readable;
  /** The protocol's alone: nothing else may write there. */
  readonly output: Writable;
  readonly signal: AbortSignal;
}

/**
 * Serves until the client closes its end, sends a line that is too long, or the signal fires. What was asked for before the client closed
 * its end is still answered, for a while.
 */
export async function serveStdio(options: StdioOptions): Promise<void> {
  const { input, output, signal } = options;
  const { protocol, settled } = agentServer(options);
  const closed = Promise.withResolvers<void>();
  const end = (): void => closed.resolve();
  const gone = Promise.withResolvers<void>();
  const cut = (): void => {
    gone.resolve();
    end();
  };
  protocol.server.onclose = cut;
  input.once("end", end).once("close", end);
  output.once("error", cut);
  signal.addEventListener("abort", cut, { once: true });
  if (signal.aborted) cut();
  await protocol.connect(new StdioServerTransport(input, output, { maxBufferSize: MAX_MESSAGE_BYTES }));
  await closed.promise;
  // Calls begin in a later turn than the one in which they were read.
  await nextTurn();
  const late = new AbortController();
  await Promise.race([settled().then(nextTurn), gone.promise, sleep(DRAIN_MS, late.signal)]);
  late.abort();
  await protocol.close();
}
