// Errors in the form of the OCI distribution specification.
import { FAILURES, type TriplaneError } from "@triplane/contract";

const CODES: Readonly<Record<number, string>> = {
  400: "UNSUPPORTED",
  401: "UNAUTHORIZED",
  403: "DENIED",
  404: "NAME_UNKNOWN",
  405: "UNSUPPORTED",
  413: "SIZE_INVALID",
  429: "TOOMANYREQUESTS",
};

/** The body for a failure. What is inside a defect is for the log, not for the caller. */
export function ociErrorBody(error: TriplaneError): string {
  const message = error.code === "internal" ? FAILURES.internal.what : error.message;
  const code = CODES[error.httpStatus] ?? "UNKNOWN";
  return `${JSON.stringify({ errors: [{ code, message, detail: { code: error.code, hint: error.hint } }] })}\n`;
}

/** Says to a client where tokens come from, and which one this request needs. */
export function bearerChallenge(origin: string, registry: string, scopes: readonly string[]): string {
  const scope = scopes.length === 0 ? "" : `,scope="${scopes.join(" ")}"`;
  return `Bearer realm="${origin}/token",service="${registry}"${scope}`;
}
