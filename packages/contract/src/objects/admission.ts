// The admission: the keeper's signature that an op may be applied, carrying everything needed to check that again.
import { z } from "zod";
import type { SigningKey } from "../ed25519.ts";
import { type ParsedToken, signToken, verifyToken } from "../jws.ts";
import { MAX_APPROVALS } from "../limits.ts";
import { audienceField, compactField, didField, digestField, jtiField, readClaims, secondsField } from "./claims.ts";
import { factsSchema, policyRefSchema } from "./decision.ts";

export const ADMISSION_TYP = "admission+jwt";

export const admissionClaimsSchema = z.strictObject({
  /** The keeper's key, that of an operator with the grant to admit, or the op's own where that one breaks the glass. */
  iss: didField,
  aud: audienceField,
  op: compactField,
  op_jti: jtiField,
  op_digest: digestField,
  policy: policyRefSchema,
  /** Id of the rule that decided. */
  rule: z.string().max(64),
  /**
   * `unopposed`: people could see the op for as long as the rule says, and nobody who may object did.
   * `break_glass`: one person's sealed key signed op and admission.
   */
  basis: z.enum(["auto", "approved", "unopposed", "break_glass"]),
  approvals: z.array(compactField).max(MAX_APPROVALS),
  facts: factsSchema,
  /** Seconds since 1970: the time that was the decision's input. */
  decided_at: secondsField,
});

export type AdmissionClaims = z.infer<typeof admissionClaimsSchema>;

export interface Admission {
  readonly token: ParsedToken;
  readonly claims: AdmissionClaims;
}

export function signAdmission(claims: Omit<AdmissionClaims, "iss">, key: SigningKey): string {
  return signToken(ADMISSION_TYP, admissionClaimsSchema.parse({ ...claims, iss: key.did }), key);
}

/** Verifies the admission's own form, claims and signature only; op, approvals and policy are the caller's next steps. */
export function verifyAdmission(compact: string): Admission {
  const token = verifyToken(compact, ADMISSION_TYP);
  return { token, claims: readClaims(token, admissionClaimsSchema) };
}
