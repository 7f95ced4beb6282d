// What the API's error codes mean for the pool. By code, never by HTTP status: only some statuses are documented.
import type { FailureCode } from "@triplane/contract";

type Meaning =
  /** Cannot be had here and now: the next offer may be. */
  | "unavailable"
  | "limit"
  /** It did not happen; later it may. */
  | "busy"
  | "denied"
  | "name-taken"
  | "not-found"
  /** It may have happened. */
  | "unknown"
  | "failed";

const MEANINGS: Readonly<Record<string, Meaning>> = {
  resource_unavailable: "unavailable",
  placement_error: "unavailable",
  // A type that may no longer be ordered; another one can.
  invalid_server_type: "unavailable",
  resource_limit_exceeded: "limit",
  rate_limit_exceeded: "busy",
  conflict: "busy",
  locked: "busy",
  maintenance: "busy",
  unavailable: "busy",
  unauthorized: "denied",
  forbidden: "denied",
  token_readonly: "denied",
  uniqueness_error: "name-taken",
  not_found: "not-found",
  server_error: "unknown",
  service_error: "unknown",
  unknown_error: "unknown",
  bad_gateway: "unknown",
  timeout: "unknown",
};

/** What the official library tries again. Whether it happened is not known after the last two: only for calls that may happen twice. */
const RETRIED = ["conflict", "rate_limit_exceeded"];
const RETRIED_IF_IDEMPOTENT = ["bad_gateway", "timeout"];

export function meaningOf(code: string, message: string): Meaning {
  // A type that is not sold at a place is an invalid input to the API, and its text is all that tells (hetznercloud/cli, karpenter).
  if (code === "invalid_input" && /\blocation\b/.test(message)) return "unavailable";
  return Object.hasOwn(MEANINGS, code) ? (MEANINGS[code] ?? "failed") : "failed";
}

export function isWorthRetrying(code: string, idempotent: boolean): boolean {
  return RETRIED.includes(code) || (idempotent && RETRIED_IF_IDEMPOTENT.includes(code));
}

/** `changes`: the call was to change something, so that an unknown outcome matters. */
export function failureCodeOf(meaning: Meaning, changes: boolean): FailureCode {
  switch (meaning) {
    case "unavailable":
      return "provider_unavailable";
    case "limit":
      return "provider_limit";
    case "busy":
      return "provider_busy";
    case "denied":
      return "provider_denied";
    case "name-taken":
      return "provider_name_taken";
    case "unknown":
      return changes ? "provider_unknown_outcome" : "provider_failed";
    case "not-found":
    case "failed":
      return "provider_failed";
  }
}
