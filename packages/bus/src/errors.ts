// Translates what the NATS client throws into our failures, once.

import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { type FailureCode, type FailureOptions, TriplaneError } from "@triplane/contract";

/** Error codes of the JetStream API (server/errors.json of nats-server 2.15). */
export const API_CODE = {
  consumerNotFound: 10014,
  messageTooLarge: 10054,
  streamNotFound: 10059,
  /** 10071 alone, 10164 in a cluster. */
  wrongLastSequence: [10071, 10164],
  storeFailed: 10077,
} as const;

export function isWrongLastSequence(thrown: unknown): boolean {
  return thrown instanceof JetStreamApiError && API_CODE.wrongLastSequence.some((code) => code === thrown.code);
}

/**
 * @param doing what was tried, like `publish to ops.cmd.w1`.
 * @param unanswered the failure when no answer came: `publish_unconfirmed` for a publish, else `bus_unreachable`.
 */
export function translate(thrown: unknown, doing: string, unanswered: FailureCode = "bus_unreachable"): TriplaneError {
  if (thrown instanceof TriplaneError) return thrown;
  const options: FailureOptions = { cause: thrown };
  for (const error of causes(thrown)) {
    if (error instanceof errors.PermissionViolationError) return new TriplaneError("bus_denied", `${doing}: not permitted`, options);
    if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
      // The server waits two seconds for a credential, and tells of that as if it had refused one.
      const isLate = /authentication timeout/i.test(error.message);
      if (isLate) return new TriplaneError("bus_unreachable", `${doing}: the credential came too late for the server`, options);
      return new TriplaneError("bus_denied", `${doing}: the server refused the credential`, options);
    }
    if (error instanceof JetStreamApiError) return translateApi(error, doing, unanswered, options);
    if (error instanceof errors.NoRespondersError)
      return new TriplaneError("stream_missing", `${doing}: nothing on the server answers there`, options);
    if (error instanceof errors.TimeoutError) return new TriplaneError(unanswered, `${doing}: no answer in time`, options);
    if (error instanceof errors.InvalidArgumentError && error.message.includes("max_payload"))
      return new TriplaneError("token_too_large", `${doing}: larger than the server takes`, options);
  }
  if (isConnectionProblem(thrown)) return new TriplaneError("bus_unreachable", `${doing}: no connection`, options);
  return new TriplaneError(unanswered, `${doing}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, options);
}

function translateApi(error: JetStreamApiError, doing: string, unanswered: FailureCode, options: FailureOptions): TriplaneError {
  switch (error.code) {
    case API_CODE.consumerNotFound:
    case API_CODE.streamNotFound:
      return new TriplaneError("stream_missing", `${doing}: ${error.message}`, options);
    case API_CODE.messageTooLarge:
      return new TriplaneError("token_too_large", `${doing}: larger than the stream takes`, options);
    case API_CODE.storeFailed:
      return new TriplaneError("stream_full", `${doing}: ${error.message}`, options);
    default:
      return new TriplaneError(unanswered, `${doing}: ${error.message} (${error.code})`, options);
  }
}

function isConnectionProblem(thrown: unknown): boolean {
  return causes(thrown).some(
    (error) =>
      error instanceof errors.ClosedConnectionError ||
      error instanceof errors.ConnectionError ||
      error instanceof errors.DrainingConnectionError,
  );
}

function causes(thrown: unknown): readonly Error[] {
  const found: Error[] = [];
  for (let at = thrown; at instanceof Error && found.length < 8; at = at.cause) found.push(at);
  return found;
}
