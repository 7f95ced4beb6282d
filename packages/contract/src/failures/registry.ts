// Failures of the registry's gateway.
import { failureEntries } from "./entry.ts";

export const REGISTRY_FAILURES = failureEntries({
  body_too_large: {
    httpStatus: 413,
    retry: "no",
    what: "The body of the request is larger than the limit.",
    hint: "Make it smaller, or raise the limit in the gateway's configuration.",
  },
  registry_backend: {
    httpStatus: 502,
    retry: "later",
    what: "The registry behind the gateway refuses or fails what the gateway asks of it.",
    hint: "Its configuration names the public key that the gateway signs with; after a rotation it has to be restarted with the new one.",
  },
  crate_exists: {
    httpStatus: 409,
    retry: "no",
    what: "This version of the crate is published, and what is published never changes.",
    hint: "Publish another version; a broken one can be yanked.",
  },
  crate_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "What was to be published is no crate that cargo could use.",
    hint: "The message names the member that is wrong.",
  },
});
