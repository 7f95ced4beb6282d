// One HTTP exchange with the API: what came back, or how far it got.
//
// 1. No redirect is followed: the token goes to the configured host and to no other.
// 2. No more than a fixed number of bytes is read of an answer, and no longer than a fixed time.

import { tryParseJson } from "@triplane/kit";
import { errorSchema } from "./answers.ts";

export type Exchange =
  | { readonly kind: "answer"; readonly body: unknown }
  | { readonly kind: "error"; readonly code: string; readonly message: string; readonly correlationId: string | undefined }
  /** Not the API's own words: a proxy, a redirect, half an answer. */
  | { readonly kind: "odd"; readonly status: number; readonly what: string; readonly correlationId: string | undefined }
  /** No answer. `sent`: it may have reached the API. */
  | { readonly kind: "silence"; readonly sent: boolean; readonly what: string };

export interface AttemptOptions {
  readonly token: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  onHeaders(headers: Headers): void;
}

const MAX_BYTES = 8 * 1024 * 1024;
const MAX_MESSAGE = 500;
/** The connection was never there. */
const NOT_SENT = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"];

export async function attempt(method: string, url: URL, body: unknown, options: AttemptOptions): Promise<Exchange> {
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      redirect: "manual",
      headers: {
        authorization: `Bearer ${options.token}`,
        accept: "application/json",
        "user-agent": "triplane",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]),
    });
  } catch (error) {
    const code = causeOf(error);
    return { kind: "silence", sent: !NOT_SENT.includes(code) && !isCertificate(code), what: code };
  }
  options.onHeaders(response.headers);
  const correlationId = /^[\w-]{1,100}$/.exec(response.headers.get("x-correlation-id") ?? "")?.[0];
  const { status } = response;
  if (status >= 300 && status < 400) {
    await response.body?.cancel();
    return { kind: "odd", status, what: "a redirect, which is not followed", correlationId };
  }
  const text = await readText(response);
  if (text === undefined) return { kind: "odd", status, what: "an answer that breaks off or is too large", correlationId };
  if (status === 204) return { kind: "answer", body: undefined };
  const value = tryParseJson(text);
  if (status >= 200 && status < 300) {
    return value === undefined
      ? { kind: "odd", status, what: "something that is not JSON", correlationId }
      : { kind: "answer", body: value };
  }
  const parsed = errorSchema.safeParse(value);
  if (!parsed.success) return { kind: "odd", status, what: `HTTP ${status} without an error of the API`, correlationId };
  const { code, message } = parsed.data.error;
  return { kind: "error", code, message: clean(message), correlationId };
}

/** One line, without what a terminal would act on. */
export function clean(text: string): string {
  return text.replaceAll(/[^\x20-\x7e\u00a0-\uffff]+/g, " ").slice(0, MAX_MESSAGE);
}

async function readText(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_BYTES) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The code of what went wrong; never its message, which may quote headers. */
function causeOf(thrown: unknown): string {
  for (let at: unknown = thrown, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (at.name === "TimeoutError") return "timeout";
    if (at.name === "AbortError") return "given up";
    if ("code" in at && typeof at.code === "string") return at.code;
  }
  return "network error";
}

function isCertificate(code: string): boolean {
  return /CERT|SIGNATURE|ISSUER|TLS_INVALID/.test(code);
}
