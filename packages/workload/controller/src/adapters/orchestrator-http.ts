// The orchestrator over HTTP. Foreign errors become ours here; the token goes into the request and nowhere else.
import { type ApplyResult, applyResultSchema, isFailureCode, parseStrictJson, TriplaneError } from "@triplane/contract";
import { type HttpAnswer, httpExchange, keepAliveAgent } from "@triplane/kit";
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
  const headers = { authorization: `Bearer ${options.token}` };
  const agent = keepAliveAgent(options.baseUrl);
  const base = `${options.baseUrl.replace(/\/+$/, "")}/api/v1/workspaces/${options.workspace}/ops`;
  const call = async (url: string, signal: AbortSignal, body?: unknown): Promise<ApplyResult> => {
    const { status, text } = await request(url, signal, body);
    if (status !== 200) throw failureOf(status, text);
    const parsed = applyResultSchema.safeParse(jsonOf(text));
    if (!parsed.success) throw new TriplaneError("unavailable", "the orchestrator's answer does not have the shape of the API");
    return parsed.data;
  };

  async function request(url: string, signal: AbortSignal, body: unknown): Promise<HttpAnswer> {
    const question = { headers, signal, agent, timeoutMs: options.timeoutMs, maxBytes: MAX_ANSWER_BYTES };
    try {
      return await httpExchange(url, body === undefined ? question : { ...question, body: JSON.stringify(body) });
    } catch (cause) {
      throw new TriplaneError("unavailable", `the orchestrator at ${options.baseUrl} does not answer: ${reasonOf(cause)}`, { cause });
    }
  }

  return {
    op: (jti, signal) => call(`${base}/${jti}`, signal),
    apply: (applyRequest, signal) => call(base, signal, applyRequest),
  };
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
