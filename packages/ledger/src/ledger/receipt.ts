// Receipts: one file with everything that an outsider needs to verify what became of an op.
import {
  type AuditRecord,
  canonicalJson,
  commitField,
  type Digest,
  digestOf,
  MAX_TOKEN_BYTES,
  type PolicyRef,
  parseStrictJson,
  TriplaneError,
  verifyAdmission,
  verifyRefusal,
} from "@triplane/contract";
import { z } from "zod";
import type { RepositoryPin } from "../types.ts";
import { inclusionProof } from "./merkle.ts";
import { findInView, openView } from "./read.ts";
import { MAX_SUCCESSIONS } from "./successions.ts";
import { subtreesOf } from "./tiles.ts";

export const RECEIPT_FORMAT = "triplane-receipt";

/** 32 bytes have one canonical form: the last character before the padding carries four bits, and two that are zero. */
const base64Hash = z.string().regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, "must be a SHA-256 in canonical base64");
export const MAX_RECEIPT_BYTES: number = 2 * 1024 * 1024;

export const receiptSchema = z.strictObject({
  format: z.literal(RECEIPT_FORMAT),
  version: z.literal(1),
  workspace: z.string().max(64),
  subject: z.string().max(71),
  anchors: z.strictObject({
    state: z.strictObject({ rid: z.string().max(64), identity_root: commitField }),
    policy: z.strictObject({ rid: z.string().max(64), commit: commitField, digest: z.string().max(71) }),
  }),
  /** The state repository's first identity document: its hash is the RID, its only delegate the ops-controller. */
  state_identity: z.string().max(16 * 1024),
  /** The audit record, exact bytes. */
  record: z.string().max(64 * 1024),
  inclusion: z.strictObject({ index: z.int().min(0), proof: z.array(base64Hash).max(64) }),
  /** The C2SP signed note whose root the proof leads to. */
  checkpoint: z.string().max(16 * 1024),
  /** How the ledger came from its founder's key to the one that signed the checkpoint; absent where it is the founder's. */
  successions: z.array(z.string().max(MAX_TOKEN_BYTES["succession+jwt"])).min(1).max(MAX_SUCCESSIONS).optional(),
  /** Path to text of every file of the policy commit that the decision names. */
  policy_files: z.record(z.string(), z.string()),
});

export type Receipt = z.infer<typeof receiptSchema>;

export interface MakeReceiptOptions {
  /** Path to text of all files of the policy commit that the record's decision names. Throws `receipt_invalid` where they are others. */
  readonly policyFiles: (policy: PolicyRef) => Promise<ReadonlyMap<string, string>>;
}

/** Throws `not_found` where the ledger has no record of the subject. */
export async function makeReceipt(repoDir: string, pin: RepositoryPin, subject: string, options: MakeReceiptOptions): Promise<Receipt> {
  const view = await openView(repoDir, pin);
  try {
    const found = await findInView(view, subject);
    if (found === undefined || view.head === undefined) throw new TriplaneError("not_found", `the ledger has no record of ${subject}`);
    const { tree, checkpoint } = view.head;
    const policy = policyOf(found.record);
    const files = await options.policyFiles(policy);
    if (policyDigest(files) !== policy.digest)
      throw new TriplaneError("receipt_invalid", `the policy files are not those of commit ${policy.commit} that the decision names`);
    const document = await view.objects.fileAt((await view.objects.commit(pin.identityRoot)).tree, "embeds/radicle.json");
    const proof = await inclusionProof(
      found.index,
      checkpoint.size,
      subtreesOf(checkpoint.size, (path) => view.objects.fileAt(tree, path)),
    );
    const successions = view.tenures.flatMap(({ succession }) => succession?.token.compact ?? []);
    const receipt: Receipt = {
      format: RECEIPT_FORMAT,
      version: 1,
      workspace: view.anchor.workspace,
      subject,
      anchors: { state: { rid: pin.rid, identity_root: pin.identityRoot }, policy },
      state_identity: document?.toString("utf8") ?? "",
      record: found.record.token.compact,
      inclusion: { index: found.index, proof: proof.map((hash) => hash.toString("base64")) },
      checkpoint: checkpoint.note,
      ...(successions.length === 0 ? {} : { successions }),
      policy_files: Object.fromEntries(files),
    };
    // Indented, as it is written to a file.
    const sizeBytes = Buffer.byteLength(JSON.stringify(receipt, null, 2), "utf8");
    if (sizeBytes >= MAX_RECEIPT_BYTES)
      throw new TriplaneError(
        "receipt_invalid",
        `with all files of its policy it has ${sizeBytes} bytes, allowed are ${MAX_RECEIPT_BYTES}`,
      );
    return receipt;
  } finally {
    view.objects.close();
  }
}

/** Reads a receipt: UTF-8 and strict JSON, so that no two readers see different things in it. Throws `receipt_invalid`. */
export function parseReceipt(input: string | Uint8Array): Receipt {
  const sizeBytes = typeof input === "string" ? Buffer.byteLength(input, "utf8") : input.length;
  if (sizeBytes > MAX_RECEIPT_BYTES) throw ofForm(`${sizeBytes} bytes are too large: a receipt has at most ${MAX_RECEIPT_BYTES}`);
  let value: unknown;
  try {
    value = parseStrictJson(input);
  } catch (cause) {
    throw ofForm(`it is not strict JSON: ${cause instanceof Error ? cause.message : "unreadable"}`, cause);
  }
  return checkForm(value);
}

function ofForm(why: string, cause?: unknown): TriplaneError {
  return new TriplaneError("receipt_invalid", `form: ${why}`, { cause, details: { part: "form" } });
}

export function checkForm(value: unknown): Receipt {
  const result = receiptSchema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join(".") || "receipt"}: ${issue.message}`);
  throw new TriplaneError("receipt_invalid", `form: ${problems.join("; ")}`, { details: { part: "form", problems } });
}

/** The policy that a record's decision names. */
export function policyOf(record: AuditRecord): PolicyRef {
  const { basis, decision } = record.claims;
  return (basis === "admission" ? verifyAdmission(decision) : verifyRefusal(decision)).claims.policy;
}

/** `PolicyRef.digest`: SHA-256 of the canonical JSON of the sorted list of [path, SHA-256 in hex] of all files. */
export function policyDigest(files: ReadonlyMap<string, string>): Digest {
  const list = [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, text]) => [path, digestOf(text).slice("sha256:".length)]);
  return digestOf(canonicalJson(list));
}
