// The op: what an operator, an automation or an agent signs.
import { z } from "zod";
import type { Signer, SigningKey } from "../ed25519.ts";
import { type ParsedToken, parseToken, signToken, signTokenBy, verifyToken } from "../jws.ts";
import {
  audienceField,
  didField,
  digestField,
  jsonRecordField,
  jtiField,
  kindField,
  readClaims,
  reasonField,
  scopeField,
  secondsField,
  targetField,
  versionField,
} from "./claims.ts";

export const OP_TYP = "op+jwt";

export const opClaimsSchema = z.strictObject({
  iss: didField,
  aud: audienceField,
  jti: jtiField,
  iat: secondsField,
  nbf: secondsField.optional(),
  exp: secondsField,
  /** Counts per (workspace, key), by one, from 1. */
  seq: z.int().min(1),
  /** The kind, like `component.deploy`. */
  op: kindField,
  target: targetField,
  /** The granted scope under which the issuer acts; a name from the policy. */
  scope: scopeField,
  /** Version of the target that the issuer saw; the orchestrator compares and sets. */
  expected_state_version: versionField,
  args: jsonRecordField,
  reason: reasonField.optional(),
  /** Digest of the plan that was shown before signing. */
  plan: digestField.optional(),
});

export type OpClaims = z.infer<typeof opClaimsSchema>;

export interface Op {
  readonly token: ParsedToken;
  readonly claims: OpClaims;
}

export function signOp(claims: Omit<OpClaims, "iss">, key: SigningKey): string {
  return signToken(OP_TYP, opClaimsSchema.parse({ ...claims, iss: key.did }), key);
}

/** As `signOp`, for a signer that may have to ask elsewhere. Throws what the signer throws as well. */
export async function signOpBy(claims: Omit<OpClaims, "iss">, signer: Signer): Promise<string> {
  return await signTokenBy(OP_TYP, opClaimsSchema.parse({ ...claims, iss: signer.did }), signer);
}

/** Parses and verifies form, claims and signature. The key is NOT yet looked up in any policy. */
export function verifyOp(compact: string): Op {
  const token = verifyToken(compact, OP_TYP);
  return { token, claims: readClaims(token, opClaimsSchema) };
}

/** For display before verification only. */
export function parseOp(compact: string): Op {
  const token = parseToken(compact, OP_TYP);
  return { token, claims: readClaims(token, opClaimsSchema) };
}
