// Failures of machines for builds and of the builds on them.
import type { FailureEntry } from "./entry.ts";

export const BUILD_FAILURES = {
  provider_unavailable: {
    httpStatus: 503,
    retry: "later",
    what: "This type of machine cannot be had at this place now.",
    hint: "The pool tries the next type and place by itself; add more of them to its configuration.",
  },
  provider_limit: {
    httpStatus: 409,
    retry: "no",
    what: "A quota of the provider's account is reached.",
    hint: "Raise the quota with the provider, or lower the pool's own limit below it.",
  },
  provider_busy: {
    httpStatus: 503,
    retry: "later",
    what: "The provider asks to come again later: rate limit, lock or maintenance.",
    hint: "The pool waits and tries again by itself.",
  },
  provider_denied: {
    httpStatus: 502,
    retry: "no",
    what: "The provider refused the pool's credentials.",
    hint: "Check the token and its rights.",
  },
  provider_name_taken: {
    httpStatus: 409,
    retry: "later",
    what: "The provider has a server of this name already.",
    hint: "The pool looks it up and adopts it where its labels name the lease.",
  },
  provider_unknown_outcome: {
    httpStatus: 502,
    retry: "later",
    what: "Whether the provider did what was asked is not known.",
    hint: "The pool looks the server up by its name before it asks again.",
  },
  provider_failed: {
    httpStatus: 502,
    retry: "later",
    what: "The provider failed.",
    hint: "See the message; its correlation id is for the provider's support.",
  },
  context_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The build context, its Dockerfile or its ignore file cannot be read.",
    hint: "The message names the file or the pattern.",
  },
  build_cancelled: {
    httpStatus: 409,
    retry: "later",
    what: "The build was asked to stop before it was done.",
    hint: "Its runner was given back; start it again.",
  },
  lease_ended: {
    httpStatus: 409,
    retry: "later",
    what: "The lease of a runner ended before the build did.",
    hint: "The message has the pool's reason; start the build again.",
  },
  runner_not_ready: {
    httpStatus: 504,
    retry: "later",
    what: "No runner became ready in the time allowed.",
    hint: "Look at the pool's leases and at its provider, or allow more time.",
  },
  runner_unreachable: {
    httpStatus: 502,
    retry: "later",
    what: "The connection to a runner could not be made, or was lost.",
    hint: "Start the build again; its runner was given back.",
  },
  runner_host_key: {
    httpStatus: 502,
    retry: "no",
    what: "What answers at the runner's address does not have the runner's host key.",
    hint: "Somebody else has the address, or stands in between: do not go on; look at the provider's network.",
  },
  build_spec_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The repository's .build-spec.ncl does not say a size that can be had.",
    hint: "It may say tier ('cx22 to 'cx52) or memory_gib.",
  },
} as const satisfies Record<string, FailureEntry>;
