// The orchestrator's HTTP interface, over a real socket: bodies with a valid token, and whole requests as bytes.
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { isFailureCode, TriplaneError, uuid7 } from "@triplane/contract";
import { freePort, systemClock, systemRandom } from "@triplane/kit";
import { newToken, renderTokensFile, runOrchestrator } from "@triplane/orchestrator";
import { eventually, tempDir } from "@triplane/testkit";
import { bytesOf, type Door } from "../door.ts";

const API = "/api/v1/workspaces/w1";
/** A server that answers nothing at all to a whole request hangs. */
const ANSWER_WITHIN_MS = 10_000;

interface Running {
  readonly port: number;
  readonly token: string;
  stop(): Promise<void>;
}

async function startOrchestrator(): Promise<Running> {
  const folder = await tempDir("fuzz-http");
  const token = newToken(systemRandom);
  const tokensFile = join(folder.path, "tokens");
  await writeFile(tokensFile, renderTokensFile([{ caller: "fuzz", scopes: ["state:read", "plan", "apply"], token }]), { mode: 0o600 });
  const catalogDir = join(import.meta.dirname, "../../../provisioning/catalog/components");
  const dataDir = join(folder.path, "data");
  await mkdir(dataDir, { mode: 0o700 });
  const port = await freePort();
  const stopping = new AbortController();
  const config = { workspace: "w1", port, dataDir, catalogDir, tokensFile, logLevel: "error" };
  const configFile = join(folder.path, "config.json");
  await writeFile(configFile, JSON.stringify(config), { mode: 0o600 });
  const ended = runOrchestrator(["--config", configFile], {}, { signal: stopping.signal, logSink: { write: () => undefined } });
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok, {
    what: "the orchestrator to answer",
    timeoutMs: 30_000,
  });
  return {
    port,
    token,
    stop: async () => {
      stopping.abort();
      await ended;
      await folder[Symbol.asyncDispose]();
    },
  };
}

export async function httpBodies(): Promise<Door> {
  const running = await startOrchestrator();
  const op = { op: "component.deploy", target: "web", args: { component: "web", settings: {} } };
  const jti = uuid7(systemClock.nowMs(), systemRandom.bytes(10));
  const apply = { ...op, fence: 1, jti, op_digest: `sha256:${"0".repeat(64)}`, expected_state_version: 7 };
  return {
    seeds: [op, apply].map((body) => bytesOf(JSON.stringify(body))),
    words: ["fence", "jti", "op_digest", "expected_state_version", "desired.apply", "workspace", "component.remove", jti],
    enter: async (input) => {
      const answers = await Promise.allSettled(["plan", "ops"].map((path) => post(running, path, input)));
      const refused = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason] : []));
      const odd = refused.find((error) => !(error instanceof TriplaneError));
      if (odd !== undefined || refused.length === answers.length) throw odd ?? refused[0];
    },
    close: () => running.stop(),
  };
}

export async function httpRequests(): Promise<Door> {
  const running = await startOrchestrator();
  const request = (line: string, body = ""): string =>
    `${line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${running.token}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
  return {
    seeds: [
      request(`GET ${API}`),
      request(`GET ${API}/targets/web`),
      request(`GET ${API}/ops/01a20543-3088-7000-8000-000000000000`),
      request(`POST ${API}/plan`, '{"op":"component.deploy","target":"web","args":{"component":"web"}}'),
      request("GET /openapi.json"),
      request("GET /healthz"),
    ].map(bytesOf),
    words: [
      "transfer-encoding: chunked\r\n",
      "expect: 100-continue\r\n",
      "upgrade: h2c\r\n",
      "last-event-id: -1\r\n",
      `GET ${API}/events`,
      "\r\n\r\n",
      "HTTP/0.9",
    ],
    enter: async (input) => {
      const answer = await exchange(running.port, input);
      // Bytes that are no request at all are answered by Node's own parser, with 400 or by closing.
      const [failure] = /^HTTP\/1\.1 5\d\d[^\r]*/m.exec(answer) ?? [];
      if (failure !== undefined || answer.includes('"code":"internal"')) throw new Error(`answered ${failure}: ${answer.slice(0, 300)}`);
      const health = await fetch(`http://127.0.0.1:${running.port}/healthz`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
      if (!health.ok) throw new Error("the orchestrator is not well any more");
    },
    close: () => running.stop(),
  };
}

/** Sends bytes, ends the sending side, and reads until the server closes; an event stream is cut after its headers. */
async function exchange(port: number, input: Uint8Array): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.end(input);
  const late = setTimeout(() => socket.destroy(new Error("late")), ANSWER_WITHIN_MS);
  let answer = "";
  let ended = false;
  socket.on("data", (bytes: Buffer) => {
    answer += bytes.toString("latin1");
    if (answer.includes("text/event-stream")) socket.destroy();
  });
  socket.once("end", () => {
    ended = true;
    socket.destroy();
  });
  await once(socket, "close");
  clearTimeout(late);
  if (!ended && answer === "" && socket.errored?.message === "late") throw new Error("no answer");
  return answer;
}

async function post({ port, token }: Running, path: string, input: Uint8Array): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${API}/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: Buffer.from(input),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  const text = await response.text();
  if (response.ok) return;
  const { code, message } = JSON.parse(text) as { code?: string; message?: string };
  if (!isFailureCode(code ?? "") || code === "internal" || message === undefined)
    throw new Error(`answered ${response.status} without a code: ${text.slice(0, 300)}`);
  throw new TriplaneError("request_invalid", `${response.status} ${code}`);
}
