// The verdicts of the two verifiers on the same bytes: the product's, and the one that shares no code with it.
import assert from "node:assert/strict";
import type { AuditRecord, Did } from "@triplane/contract";
import { parseReceipt, type VerifyReceiptOptions, verifyReceipt } from "@triplane/ledger";
import { loadPolicy, policyCommitOf, verifyDecision } from "@triplane/policy";

export interface Trusted {
  readonly stateRid?: string;
  readonly stateRoot?: string;
  readonly controller?: Did;
  readonly policyRid?: string;
}

export interface Verdict {
  readonly ok: boolean;
  readonly consistent: boolean;
  /** The first part that failed. */
  readonly failed: string | undefined;
}

interface Report extends Verdict {
  readonly steps: readonly { readonly part: string; readonly result: string; readonly what: string }[];
}

export const VERIFIER: string = new URL("../../tools/verify-receipt/verify-receipt.mjs", import.meta.url).pathname;

const independent: {
  verifyReceipt(bytes: Uint8Array, trusted: Trusted): Report;
  readNickel(entry: string, files: Map<string, string>): unknown;
} = await import(VERIFIER);

export const readNickelIndependently = independent.readNickel;

export async function productVerdict(bytes: Uint8Array, trusted: Trusted): Promise<Verdict & { readonly why: string }> {
  let receipt: unknown;
  try {
    receipt = parseReceipt(bytes);
  } catch (thrown) {
    return { ok: false, consistent: false, failed: "form", why: String(thrown) };
  }
  const report = await verifyReceipt(receipt, optionsOf(trusted));
  const failed = report.steps.find(({ result }) => result === "failed");
  return { ok: report.ok, consistent: report.consistent, failed: failed?.part, why: failed?.what ?? "" };
}

function optionsOf({ stateRid, stateRoot, controller, policyRid }: Trusted): VerifyReceiptOptions {
  return {
    ...(stateRid === undefined ? {} : { statePin: { rid: stateRid, identityRoot: stateRoot ?? "" } }),
    ...(controller === undefined ? {} : { trustedController: controller }),
    ...(policyRid === undefined ? {} : { policyRid }),
    checkDecision: runAgain,
  };
}

/** As `triplane verify` does. */
function runAgain(record: AuditRecord, files: ReadonlyMap<string, string>): void {
  const commit = policyCommitOf(record.claims.decision);
  const policy = loadPolicy(files);
  const [workspace = "", policyRid = ""] = record.claims.aud.split("/");
  verifyDecision({
    compact: record.claims.decision,
    audience: { workspace, policyRid },
    policyAt: (asked) => (asked === commit ? policy : undefined),
  });
}

export function independentVerdict(bytes: Uint8Array, trusted: Trusted): Verdict & { readonly why: string } {
  const report = independent.verifyReceipt(bytes, trusted);
  const why = report.steps.find(({ result }) => result === "failed")?.what ?? "";
  return { ok: report.ok, consistent: report.consistent, failed: report.failed, why };
}

/** Both say the same, down to the part that fails; returns it. */
export async function agreed(bytes: Uint8Array, trusted: Trusted, what: string): Promise<Verdict> {
  const [product, other] = [await productVerdict(bytes, trusted), independentVerdict(bytes, trusted)];
  const plain = ({ ok, consistent, failed }: Verdict) => ({ ok, consistent, failed });
  assert.deepEqual(
    plain(other),
    plain(product),
    `${what}: the product says ${product.failed ?? "valid"} (${product.why}), the independent verifier ${other.failed ?? "valid"} (${other.why})`,
  );
  return plain(product);
}
