// The refusal: the signed no of the keeper, or of a person with the grant to admit in its place, with the rule, the failing fact and the nearest allowed variant.
import { z } from "zod";
import type { SigningKey } from "../ed25519.ts";
import { type ParsedToken, signToken, verifyToken } from "../jws.ts";
import { MAX_APPROVALS } from "../limits.ts";
import { audienceField, compactField, didField, digestField, jsonRecordField, jtiField, readClaims, secondsField } from "./claims.ts";
import { factsSchema, policyRefSchema } from "./decision.ts";

export const REFUSAL_TYP = "refusal+jwt";

export const refusalClaimsSchema = z.strictObject({
  iss: didField,
  aud: audienceField,
  /** SHA-256 of the exact bytes that were submitted, whatever they were. */
  op_digest: digestField,
  /** Present where the submitted bytes are an op whose signature and key were verified. */
  op: compactField.optional(),
  op_jti: jtiField.optional(),
  policy: policyRefSchema,
  /** Failure code of the table, like `policy_denied`. */
  code: z.string().max(64),
  /** Id of the rule that refused, where a rule did. */
  rule: z.string().max(64).optional(),
  /** The failing fact in one sentence. Never a secret. */
  fact: z.string().max(1000),
  /** The members of the op that would have to change, with values that the policy allows. */
  nearest: jsonRecordField.optional(),
  /** Approvals and rejections that were counted. */
  approvals: z.array(compactField).max(MAX_APPROVALS),
  facts: factsSchema,
  /**
   * Whether the op's sequence number was consumed. False for a gap, a fork, an op for another audience or under another op's jti,
   * a poisoned message, and bytes whose signer is unknown.
   */
  consumes_seq: z.boolean(),
  decided_at: secondsField,
});

export type RefusalClaims = z.infer<typeof refusalClaimsSchema>;

export interface Refusal {
  readonly token: ParsedToken;
  readonly claims: RefusalClaims;
}

export function signRefusal(claims: Omit<RefusalClaims, "iss">, key: SigningKey): string {
  return signToken(REFUSAL_TYP, refusalClaimsSchema.parse({ ...claims, iss: key.did }), key);
}

/** Verifies the refusal's own form, claims and signature only. */
export function verifyRefusal(compact: string): Refusal {
  const token = verifyToken(compact, REFUSAL_TYP);
  return { token, claims: readClaims(token, refusalClaimsSchema) };
}
