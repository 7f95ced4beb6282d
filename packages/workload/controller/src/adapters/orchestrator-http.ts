// The orchestrator over HTTP. Foreign errors become ours here; the token goes into the request and nowhere else.
import { Agent, type IncomingMessage, type RequestOptions, request as requestInTheClear } from "node:http";
import { request as requestOverTls, Agent as TlsAgent } from "node:https";
import { type ApplyResult, applyResultSchema, isFailureCode, parseStrictJson, TriplaneError } from "@triplane/contract";
import type { Orchestrator } from "../ports.ts";

export interface OrchestratorOptions {
  /** Like `http://127.0.0.1:7700`. */
  readonly baseUrl: string;
  readonly workspace: string;
  readonly token: string;
  /** How long one request may take; an apply that takes longer is answered with `running` before. */
  readonly timeoutMs: number;
}

const MAX_ANSWER_BYTES = 1024 * 1024;
// Evidence is nested inside the answer.
const MAX_ANSWER_DEPTH = 32;

export function orchestratorOverHttp(options: OrchestratorOptions): Orchestrator {
  const agent = options.baseUrl.startsWith("https:") ? new TlsAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  const base = `${options.baseUrl.replace(/\/+$/, "")}/api/v1/workspaces/${options.workspace}/ops`;
  const call = async (url: string, signal: AbortSignal, body?: unknown): Promise<ApplyResult> => {
    const { status, text } = await request(url, signal, body);
    if (status !== 200) throw failureOf(status, text);
    const parsed = applyResultSchema.safeParse(jsonOf(text));
    if (!parsed.success) throw new TriplaneError("unavailable", "the orchestrator's answer does not have the shape of the API");
    return parsed.data;
  };

  async function request(url: string, signal: AbortSignal, body: unknown): Promise<Answer> {
    const content = body === undefined ? undefined : JSON.stringify(body);
    const headers = { authorization: `Bearer ${options.token}`, ...(content === undefined ? {} : { "content-type": "application/json" }) };
    try {
      return await exchange(url, { method: content === undefined ? "GET" : "POST", headers, agent, signal }, content, options.timeoutMs);
    } catch (cause) {
      throw new TriplaneError("unavailable", `the orchestrator at ${options.baseUrl} does not answer: ${reasonOf(cause)}`, { cause });
    }
  }

  return {
    op: (jti, signal) => call(`${base}/${jti}`, signal),
    apply: (applyRequest, signal) => call(base, signal, applyRequest),
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

// Not `fetch`: it costs several times as much, and an op is one request. Redirects are not followed.
function exchange(url: string, request: RequestOptions, content: string | undefined, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith("https:") ? requestOverTls : requestInTheClear;
    const asking = send(url, request, (response) => {
      readBounded(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    });
    const late = setTimeout(() => asking.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    asking.on("error", reject);
    asking.once("close", () => clearTimeout(late));
    asking.end(content);
  });
}

async function readBounded(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ANSWER_BYTES) throw new TriplaneError("unavailable", `the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function jsonOf(text: string): unknown {
  try {
    return parseStrictJson(text, MAX_ANSWER_DEPTH);
  } catch {
    return undefined;
  }
}

/** The failure that the orchestrator names, or `unavailable` where something else answered. */
function failureOf(status: number, text: string): TriplaneError {
  const body = jsonOf(text);
  if (typeof body === "object" && body !== null && "code" in body && typeof body.code === "string" && isFailureCode(body.code)) {
    const message = "message" in body && typeof body.message === "string" ? body.message.slice(0, 1000) : `status ${status}`;
    return new TriplaneError(body.code, message);
  }
  return new TriplaneError("unavailable", `the orchestrator answered with status ${status}`);
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}
