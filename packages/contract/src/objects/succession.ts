// The succession: the ops-controller's key hands the ledger over to the one after it, and that one takes it (ADR-029).
//
// The old key signs the token; the new one signs the same claims inside it, so that nobody can be made the holder of a ledger that
// they never took, nor a ledger be passed off as that of a key that never took it.
import { z } from "zod";
import { canonicalJson } from "../canonical-json.ts";
import { type SigningKey, verifySignature } from "../ed25519.ts";
import { TriplaneError } from "../failures/index.ts";
import { type ParsedToken, signToken, verifyToken } from "../jws.ts";
import { audienceField, didField, digestField, readClaims, ridField, secondsField } from "./claims.ts";
import { policyRefSchema } from "./decision.ts";

export const SUCCESSION_TYP = "succession+jwt";

const ACCEPTANCE = "triplane-succession-v1\n";

export const successionClaimsSchema = z.strictObject({
  /** The key that hands over. */
  iss: didField,
  aud: audienceField,
  iat: secondsField,
  /** The ledger. */
  state_rid: ridField,
  /** The key that takes over. */
  to: didField,
  /** Records that the old key answers for; the new one signs those from this index on. */
  size: z.int().min(0),
  /** Root of the Merkle tree over them, base64. */
  root: z.string().regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, "must be a SHA-256 in canonical base64"),
  /** The SHA-256 chain at that place. */
  chain_head: digestField,
  /** The approved policy that names the new key (`pins.controller`). */
  policy: policyRefSchema,
  /** The new key's Ed25519 signature over `triplane-succession-v1`, a newline, and the canonical JSON of all other claims; base64url. */
  accepted: z.string().regex(/^[A-Za-z0-9_-]{85}[AQgw]$/, "must be 64 bytes in base64url"),
});

export type SuccessionClaims = z.infer<typeof successionClaimsSchema>;

export interface Succession {
  readonly token: ParsedToken;
  readonly claims: SuccessionClaims;
}

/** Signs with both keys. */
export function signSuccession(
  claims: Omit<SuccessionClaims, "iss" | "to" | "accepted">,
  { from, to }: { readonly from: SigningKey; readonly to: SigningKey },
): string {
  const said = { ...claims, iss: from.did, to: to.did };
  const accepted = Buffer.from(to.sign(acceptanceOf(said))).toString("base64url");
  return signToken(SUCCESSION_TYP, successionClaimsSchema.parse({ ...said, accepted }), from);
}

/** Verifies form, claims and both signatures. Throws a failure of a signed object. Whose turn it was is the reader's next step. */
export function verifySuccession(compact: string): Succession {
  const token = verifyToken(compact, SUCCESSION_TYP);
  const claims = readClaims(token, successionClaimsSchema);
  const { accepted, ...said } = claims;
  if (claims.to === claims.iss) throw new TriplaneError("claims_invalid", "a key cannot hand over to itself");
  verifySignature(claims.to, acceptanceOf(said), Buffer.from(accepted, "base64url"));
  return { token, claims };
}

function acceptanceOf(said: Omit<SuccessionClaims, "accepted">): Buffer {
  return Buffer.from(`${ACCEPTANCE}${canonicalJson(said)}`, "utf8");
}
