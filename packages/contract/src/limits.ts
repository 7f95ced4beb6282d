// Size and time limits of signed objects. Outer objects embed inner ones, so their limits nest: base64url grows bytes by 4/3.

/** Largest compact form, in bytes, by kind. None is above 64 KiB. */
export const MAX_TOKEN_BYTES = {
  "succession+jwt": 4 * 1024,
  // It travels in a header of every request; servers take 16 KiB of headers in all.
  "registry+jwt": 8 * 1024,
  "op+jwt": 12 * 1024,
  "approval+jwt": 2 * 1024,
  "playbook-confirmation+jwt": 16 * 1024,
  "playbook-receipt+jwt": 64 * 1024,
  "admission+jwt": 40 * 1024,
  "refusal+jwt": 40 * 1024,
  // The ledger's Merkle leaves have 16-bit lengths (C2SP tlog-tiles).
  "audit+jwt": 64 * 1024 - 1,
} as const;

/** Nesting depth of JSON in a signed object. */
export const MAX_JSON_DEPTH = 16;

/** Upper bound, in seconds, of the clock skew a policy may allow. */
export const MAX_CLOCK_SKEW_S = 30;

/** Most approvals that one admission may carry. */
export const MAX_APPROVALS = 8;
