// Failures of signed objects: the token itself, before any policy is asked.
import { failureEntries } from "./entry.ts";

export const SIGNED_FAILURES = failureEntries({
  token_too_large: {
    httpStatus: 413,
    retry: "no",
    what: "The signed object is larger than its kind allows.",
    hint: "Move bulky arguments out of the op and reference them by digest.",
  },
  secret_in_op: {
    httpStatus: 400,
    retry: "no",
    what: "The op holds a credential, and what an op holds ends in the ledger for ever.",
    hint: "Put it into the orchestrator's secrets folder, name it in a setting of the type Secret, and treat it as exposed if it was sent.",
  },
  token_malformed: {
    httpStatus: 400,
    retry: "no",
    what: "The bytes are not a compact JWS of three base64url parts.",
    hint: "Send exactly the bytes that the signer printed; nothing trimmed, nothing added.",
  },
  json_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "A part of the signed object is not strict JSON.",
    hint: "Sign the object with triplane, which writes strict JSON.",
  },
  json_duplicate_key: {
    httpStatus: 400,
    retry: "no",
    what: "A JSON object names the same key twice.",
    hint: "Remove one of the two; readers disagree on which one counts.",
  },
  json_forbidden_key: {
    httpStatus: 400,
    retry: "no",
    what: "A JSON object has a key that can change the meaning of objects (`__proto__`).",
    hint: "Rename the key.",
  },
  json_number_unsafe: {
    httpStatus: 400,
    retry: "no",
    what: "A JSON number is not an integer within 2^53, or has a fraction or exponent where none is allowed.",
    hint: "Write large or fractional values as strings.",
  },
  alg_refused: {
    httpStatus: 400,
    retry: "no",
    what: "The header names an algorithm other than EdDSA.",
    hint: "Sign with an Ed25519 key and alg EdDSA; `none` and HMAC are never accepted.",
  },
  typ_refused: {
    httpStatus: 400,
    retry: "no",
    what: "The header's typ is missing or is not the one expected here.",
    hint: "Send this kind of object where it belongs: an op is op+jwt, an approval approval+jwt.",
  },
  header_key_refused: {
    httpStatus: 400,
    retry: "no",
    what: "The header carries a key or a pointer to one (jwk, jku, x5u, x5c, x5t).",
    hint: "Keys are resolved only in the pinned policy; sign with kid alone.",
  },
  header_member_refused: {
    httpStatus: 400,
    retry: "no",
    what: "The header has a member that is not allowed (crit, b64 or an unknown one).",
    hint: "Only alg, typ and kid are allowed.",
  },
  kid_malformed: {
    httpStatus: 400,
    retry: "no",
    what: "The kid is not a did:key of an Ed25519 key.",
    hint: "Use the DID that `triplane keys show` prints.",
  },
  kid_unknown: {
    httpStatus: 403,
    retry: "no",
    what: "The signing key is in no list of the pinned policy.",
    hint: "Ask the delegates of the policy repository to add the key, or sign with a key that is listed.",
  },
  key_weak: {
    httpStatus: 400,
    retry: "no",
    what: "The public key is not canonical or of small order.",
    hint: "Create a new key with `triplane keys new`.",
  },
  signature_noncanonical: {
    httpStatus: 400,
    retry: "no",
    what: "The signature is not canonical (S is not below the group order, or R is of small order).",
    hint: "Sign again with a conforming Ed25519 signer.",
  },
  signature_invalid: {
    httpStatus: 403,
    retry: "no",
    what: "The signature does not match the bytes and the key.",
    hint: "Sign the exact bytes again; nothing may be re-serialised after signing.",
  },
  claims_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The payload does not have the shape that its kind demands.",
    hint: "Compare with docs/reference/signed-objects.md; unknown members are refused.",
  },
  aud_mismatch: {
    httpStatus: 403,
    retry: "no",
    what: "The object is meant for another audience.",
    hint: "Sign for this workspace and its policy repository.",
  },
  workspace_mismatch: {
    httpStatus: 403,
    retry: "no",
    what: "The object is meant for another workspace.",
    hint: "Submit it to the workspace that it names.",
  },
  iss_mismatch: {
    httpStatus: 403,
    retry: "no",
    what: "The issuer in the payload is not the key that signed.",
    hint: "Set iss to the DID of the signing key.",
  },
  token_expired: {
    httpStatus: 403,
    retry: "resubmit",
    what: "The object had expired when it was taken in.",
    hint: "Sign a new one; check the clock if it should still be valid.",
  },
  token_not_yet_valid: {
    httpStatus: 403,
    retry: "later",
    what: "The object is not valid yet.",
    hint: "Wait until its nbf, or sign one without.",
  },
  clock_skew: {
    httpStatus: 403,
    retry: "resubmit",
    what: "The object was issued further in the future than the allowed clock skew.",
    hint: "Set the signer's clock; at most 30 seconds of skew are accepted.",
  },
  lifetime_too_long: {
    httpStatus: 403,
    retry: "resubmit",
    what: "The object's lifetime is longer than the policy allows.",
    hint: "Sign with a shorter --expires-in.",
  },
});
