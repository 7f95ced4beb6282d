// What people sign about runs of playbooks: that a run may go on, and what became of it.
import { z } from "zod";
import type { Signer } from "../ed25519.ts";
import { type ParsedToken, signTokenBy, verifyToken } from "../jws.ts";
import { audienceField, commitField, didField, digestField, jtiField, readClaims, secondsField } from "./claims.ts";

export const CONFIRMATION_TYP = "playbook-confirmation+jwt";
export const PLAYBOOK_RECEIPT_TYP = "playbook-receipt+jwt";

const playbookField = z.string().regex(/^[a-z0-9_]{1,64}$/, "must be a playbook's name");
const parametersField = z.record(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/), z.string().max(2000));

/** A person says yes to exactly this run: this playbook, these files, these parameters. */
export const confirmationClaimsSchema = z.strictObject({
  iss: didField,
  aud: audienceField,
  iat: secondsField,
  exp: secondsField,
  run: jtiField,
  playbook: playbookField,
  /** Digest of the playbook's files. */
  digest: digestField,
  parameters: parametersField,
  /** The policy under which it counts. */
  policy_commit: commitField,
});

const positionSchema = z.strictObject({
  /** Records of the ledger, and its root. */
  size: z.int().min(0),
  root: z.string().max(100),
  policy_commit: commitField.optional(),
});

const attemptSchema = z.strictObject({
  started_at: z.iso.datetime(),
  ended_at: z.iso.datetime(),
  exit_code: z.int().optional(),
  output_digest: digestField.optional(),
});

export const playbookReceiptClaimsSchema = z.strictObject({
  iss: didField,
  aud: audienceField,
  iat: secondsField,
  run: jtiField,
  playbook: playbookField,
  digest: digestField,
  /** Digest of each file, by its path from the folder of playbooks. */
  files: z.record(z.string().max(200), digestField),
  parameters: parametersField,
  /** Who ran it, by name. */
  by: z.string().max(32),
  result: z.enum(["passed", "failed", "cancelled"]),
  steps: z
    .array(z.strictObject({ id: z.string().max(64), state: z.string().max(16), attempts: z.array(attemptSchema).max(100) }))
    .max(1000),
  /** Digests of the confirmations that let it go on. */
  confirmations: z.array(digestField).max(16),
  /** Ids of the ops that its steps named. */
  ops: z.array(jtiField).max(500),
  before: positionSchema.optional(),
  after: positionSchema.optional(),
});

export type ConfirmationClaims = z.infer<typeof confirmationClaimsSchema>;
export type PlaybookReceiptClaims = z.infer<typeof playbookReceiptClaimsSchema>;

export interface Confirmation {
  readonly token: ParsedToken;
  readonly claims: ConfirmationClaims;
}

export interface PlaybookReceipt {
  readonly token: ParsedToken;
  readonly claims: PlaybookReceiptClaims;
}

/** Throws what the signer throws, and `token_too_large`. */
export async function signConfirmationBy(claims: Omit<ConfirmationClaims, "iss">, signer: Signer): Promise<string> {
  return await signTokenBy(CONFIRMATION_TYP, confirmationClaimsSchema.parse({ ...claims, iss: signer.did }), signer);
}

/** Parses and verifies form, claims and signature. The key is NOT yet looked up in any policy. */
export function verifyConfirmation(compact: string): Confirmation {
  const token = verifyToken(compact, CONFIRMATION_TYP);
  return { token, claims: readClaims(token, confirmationClaimsSchema) };
}

/** Throws what the signer throws, and `token_too_large`. */
export async function signPlaybookReceiptBy(claims: Omit<PlaybookReceiptClaims, "iss">, signer: Signer): Promise<string> {
  return await signTokenBy(PLAYBOOK_RECEIPT_TYP, playbookReceiptClaimsSchema.parse({ ...claims, iss: signer.did }), signer);
}

/** Parses and verifies form, claims and signature. The key is NOT yet looked up in any policy. */
export function verifyPlaybookReceipt(compact: string): PlaybookReceipt {
  const token = verifyToken(compact, PLAYBOOK_RECEIPT_TYP);
  return { token, claims: readClaims(token, playbookReceiptClaimsSchema) };
}
