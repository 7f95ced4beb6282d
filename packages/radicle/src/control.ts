// A node's control socket: one JSON line asks, JSON lines answer. Whoever can open the socket commands the node.
import { connect, type Socket } from "node:net";
import { type Json, TriplaneError } from "@triplane/contract";

/** A command as the node names it, e.g. `{ command: "nodeId" }`. */
export interface NodeCommand {
  readonly command: string;
  readonly [argument: string]: unknown;
}

export interface AskOptions {
  /** Longest wait for the answer, in milliseconds; 5000 unless told otherwise. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

const DEADLINE_MS = 5_000;
const MAX_LINE_BYTES = 4 * 1024 * 1024;
/** sockaddr_un holds 108 bytes with the final zero. */
const MAX_SOCKET_PATH_BYTES = 107;

/** Whether a path is short enough for a socket. */
export function isSocketPath(path: string): boolean {
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES;
}

/** Sends a command and returns its answer. Throws `unavailable` where no node answers in time, `radicle_refused` where it answers with an error. */
export async function askNode(socketPath: string, command: NodeCommand, options: AskOptions = {}): Promise<Json> {
  const deadline = AbortSignal.timeout(options.deadlineMs ?? DEADLINE_MS);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  for await (const answer of converse(socketPath, command, signal)) return answer;
  throw unavailable(socketPath, `it answered nothing to ${command.command}`);
}

/** Sends a command and yields every line of the answer until the node or the signal ends it. Throws as `askNode`. */
export async function* converse(socketPath: string, command: NodeCommand, signal: AbortSignal): AsyncGenerator<Json> {
  const socket = await open(socketPath, signal);
  const endBySignal = (): void => void socket.destroy(new Error("no answer in time"));
  signal.addEventListener("abort", endBySignal, { once: true });
  if (signal.aborted) endBySignal();
  try {
    socket.write(`${JSON.stringify(command)}\n`);
    let rest = "";
    for await (const chunk of socket.setEncoding("utf8") as AsyncIterable<string>) {
      rest += chunk;
      for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
        yield parseAnswer(rest.slice(0, end), command);
        rest = rest.slice(end + 1);
      }
      if (rest.length > MAX_LINE_BYTES) throw unavailable(socketPath, `a line of its answer is longer than ${MAX_LINE_BYTES} bytes`);
    }
  } catch (cause) {
    if (cause instanceof TriplaneError) throw cause;
    throw unavailable(socketPath, cause instanceof Error ? cause.message : "unknown", cause);
  } finally {
    signal.removeEventListener("abort", endBySignal);
    socket.destroy();
  }
}

function open(socketPath: string, signal: AbortSignal): Promise<Socket> {
  if (!isSocketPath(socketPath)) {
    throw new TriplaneError("config_invalid", `the socket's path has more than ${MAX_SOCKET_PATH_BYTES} bytes: ${socketPath}`, {
      hint: "Use a shorter RAD_HOME, or RAD_SOCKET.",
    });
  }
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => reject(unavailable(socketPath, cause.message, cause));
    const socket = connect({ path: socketPath, signal });
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

function parseAnswer(line: string, command: NodeCommand): Json {
  let answer: Json;
  try {
    answer = JSON.parse(line) as Json;
  } catch (cause) {
    throw new TriplaneError("radicle_refused", `the node's answer to ${command.command} is not JSON`, { cause });
  }
  if (answer !== null && typeof answer === "object" && !Array.isArray(answer) && "error" in answer) {
    throw new TriplaneError("radicle_refused", `the node refused ${command.command}: ${String(answer["error"]).slice(0, 500)}`);
  }
  return answer;
}

function unavailable(socketPath: string, why: string, cause?: unknown): TriplaneError {
  return new TriplaneError("unavailable", `no Radicle node answers at ${socketPath}: ${why}`, { cause });
}
