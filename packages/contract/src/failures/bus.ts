// Failures of the message bus.
import { failureEntries } from "./entry.ts";

export const BUS_FAILURES = failureEntries({
  bus_unreachable: {
    httpStatus: 503,
    retry: "later",
    what: "The NATS server does not answer.",
    hint: "Check that it runs and that the address is right.",
  },
  bus_denied: {
    httpStatus: 403,
    retry: "no",
    what: "The NATS server refused the identity, or the identity may not do this.",
    hint: "Use the credential of the role that does this job.",
  },
  bus_too_old: {
    httpStatus: 500,
    retry: "no",
    what: "The NATS server is older than 2.14.",
    hint: "Install a newer nats-server; older ones lose what they acknowledged.",
  },
  stream_mismatch: {
    httpStatus: 500,
    retry: "no",
    what: "A stream or consumer on the server is not as the contract demands.",
    hint: "Compare the listed settings; nothing is rewritten silently.",
  },
  stream_missing: {
    httpStatus: 500,
    retry: "no",
    what: "A stream or consumer that is needed does not exist.",
    hint: "`triplane up` provisions them.",
  },
  stream_full: {
    httpStatus: 507,
    retry: "later",
    what: "A stream has reached its limit, or the server's disk is full; nothing was stored.",
    hint: "Find out why its consumer is behind; nothing accepted is ever pushed out to make room.",
  },
  lease_held: {
    httpStatus: 409,
    retry: "later",
    what: "Another process holds the lease.",
    hint: "Only one may run; start a second one with --standby.",
  },
  lease_lost: {
    httpStatus: 409,
    retry: "later",
    what: "The lease went to another process.",
    hint: "The process stops by itself; start it again as a standby.",
  },
  publish_unconfirmed: {
    httpStatus: 503,
    retry: "later",
    what: "The broker did not confirm the message; it may or may not be stored.",
    hint: "Sending the same bytes again is harmless.",
  },
});
