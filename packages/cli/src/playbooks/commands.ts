// Where the steps of a playbook have their `triplane` commands done: a socket of the process that runs the playbook. A step asks for a dozen
// of them, and to start a program for each takes several times as long as what they do.
//
// 1. A command goes through the same shell as the program, in the folder of the step: it does what the program does.
// 2. The socket lies in a folder that nobody else may enter, and is gone with the run.
// 3. Whoever asked and goes away, as a step that is cut off, tells the command to stop.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import { tryParseJson } from "@triplane/kit";
import { isSocketPath } from "@triplane/radicle";
import { z } from "zod";
import { type Captured, runCaptured } from "../framework/captured.ts";
import type { CommandContext } from "../framework/command.ts";
import type { Program } from "../framework/shell.ts";

const MAX_REQUEST_BYTES = 1024 * 1024;

const requestSchema = z.strictObject({ words: z.array(z.string()).min(1), cwd: z.string().startsWith("/") });

export interface Commands extends AsyncDisposable {
  /** What the steps have to see: the path, or nothing where it would be too long for a socket. Then they start the program. */
  readonly environment: { readonly TRIPLANE_COMMANDS: string };
}

/** `context`: its environment is what the commands see. */
export async function openCommands(program: Program, context: CommandContext): Promise<Commands> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "triplane-steps-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "commands");
  const isPossible = isSocketPath(path);
  if (isPossible) stack.use(await listen(path, program, context));
  const kept = stack.move();
  return { environment: { TRIPLANE_COMMANDS: isPossible ? path : "" }, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function listen(path: string, program: Program, context: CommandContext): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const signal = AbortSignal.any([gone.signal, context.signal]);
    answer(request, ({ words, cwd }) => runCaptured(program, words, { ...context, cwd, signal })).then(
      (ended) => reply(response, 200, ended),
      (thrown) => reply(response, 400, { message: toTriplaneError(thrown).message }),
    );
  });
  // A command may wait for people for as long as it was told to.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return { [Symbol.asyncDispose]: () => close(server) };
}

async function answer(request: IncomingMessage, run: (asked: z.output<typeof requestSchema>) => Promise<Captured>): Promise<Captured> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MAX_REQUEST_BYTES) throw new TriplaneError("usage", `a command line has more than ${MAX_REQUEST_BYTES} bytes`);
    chunks.push(chunk as Buffer);
  }
  const asked = requestSchema.safeParse(tryParseJson(Buffer.concat(chunks).toString("utf8")));
  if (!asked.success) throw new TriplaneError("usage", "a command is asked for as { words, cwd }");
  return await run(asked.data);
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
