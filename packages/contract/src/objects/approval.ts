// The approval: a person's signature over the exact op, plan, policy and state version. It names content, never a place.
import { z } from "zod";
import type { Signer, SigningKey } from "../ed25519.ts";
import { type ParsedToken, signToken, signTokenBy, verifyToken } from "../jws.ts";
import {
  audienceField,
  commitField,
  didField,
  digestField,
  jtiField,
  readClaims,
  reasonField,
  secondsField,
  versionField,
} from "./claims.ts";

export const APPROVAL_TYP = "approval+jwt";

export const approvalClaimsSchema = z.strictObject({
  iss: didField,
  aud: audienceField,
  jti: jtiField,
  iat: secondsField,
  exp: secondsField,
  op_jti: jtiField,
  op_digest: digestField,
  /** `reject` by the op's own issuer withdraws the op. */
  decision: z.enum(["approve", "reject"]),
  /** Digest of the plan shown to the approver; must equal the op's, where the op names one. */
  plan: digestField.optional(),
  policy_commit: commitField,
  expected_state_version: versionField,
  comment: reasonField.optional(),
});

export type ApprovalClaims = z.infer<typeof approvalClaimsSchema>;

export interface Approval {
  readonly token: ParsedToken;
  readonly claims: ApprovalClaims;
}

export function signApproval(claims: Omit<ApprovalClaims, "iss">, key: SigningKey): string {
  return signToken(APPROVAL_TYP, approvalClaimsSchema.parse({ ...claims, iss: key.did }), key);
}

/** As `signApproval`, for a signer that may have to ask elsewhere. Throws what the signer throws as well. */
export async function signApprovalBy(claims: Omit<ApprovalClaims, "iss">, signer: Signer): Promise<string> {
  return await signTokenBy(APPROVAL_TYP, approvalClaimsSchema.parse({ ...claims, iss: signer.did }), signer);
}

/** Parses and verifies form, claims and signature. The key is NOT yet looked up in any policy. */
export function verifyApproval(compact: string): Approval {
  const token = verifyToken(compact, APPROVAL_TYP);
  return { token, claims: readClaims(token, approvalClaimsSchema) };
}
