// Verifies a receipt without any repository: step by step, so that a person sees what was proven and what was not.
import { type AuditRecord, type Did, TriplaneError, toTriplaneError } from "@triplane/contract";
import type { RepositoryPin } from "../types.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { leafHash, rootFromProof } from "./merkle.ts";
import { checkForm, policyDigest, policyOf, type Receipt } from "./receipt.ts";
import { anchorOfDocument, type LedgerAnchor } from "./state-repository.ts";
import { controllerOf, currentController, lastOf, type Tenures, tenuresOf } from "./successions.ts";
import { checkRecord } from "./verify-record.ts";

export interface VerifyReceiptOptions {
  /** The ops-controller's key as the verifier knows it, from elsewhere. */
  readonly trustedController?: Did;
  /** The state repository as the verifier knows it, from elsewhere. */
  readonly statePin?: RepositoryPin;
  /** The policy repository as the verifier knows it, from elsewhere. */
  readonly policyRid?: string;
  /** Runs the decision again: the keeper's key, the rule, the approvals, under the policy files of the receipt. Throws where it differs. */
  readonly checkDecision?: (record: AuditRecord, policyFiles: ReadonlyMap<string, string>) => void | Promise<void>;
}

export type ReceiptPart = "form" | "identity" | "anchor" | "record" | "checkpoint" | "inclusion" | "policy" | "decision";

export interface ReceiptStep {
  readonly part: ReceiptPart;
  /** `skipped`: nothing was there to compare with, so nothing is proven about this part. */
  readonly result: "proven" | "failed" | "skipped";
  /** One sentence for people. */
  readonly what: string;
}

export interface ReceiptReport {
  /** Every part was proven, the anchor included. */
  readonly ok: boolean;
  /** Nothing contradicts; but without an anchor the receipt may come from a ledger of somebody's own. */
  readonly consistent: boolean;
  readonly steps: readonly ReceiptStep[];
  readonly record: AuditRecord | undefined;
  /** `receipt_invalid` naming the first part that failed. */
  readonly failure: TriplaneError | undefined;
}

/** Never throws for what the receipt holds. */
export async function verifyReceipt(value: unknown, options: VerifyReceiptOptions = {}): Promise<ReceiptReport> {
  const steps: ReceiptStep[] = [];
  const seen: { record?: AuditRecord } = {};
  let failure: TriplaneError | undefined;
  try {
    for await (const step of walk(value, options, seen)) steps.push(step);
  } catch (thrown) {
    failure = toTriplaneError(thrown, "receipt_invalid");
    steps.push({ part: failure.details["part"] as ReceiptPart, result: "failed", what: failure.message });
  }
  const consistent = failure === undefined;
  return { ok: consistent && steps.every((step) => step.result === "proven"), consistent, steps, record: seen.record, failure };
}

async function* walk(value: unknown, options: VerifyReceiptOptions, seen: { record?: AuditRecord }): AsyncGenerator<ReceiptStep> {
  const receipt = part("form", () => checkForm(value));
  yield proven("form", "the receipt has the form of version 1");

  const anchor = part("identity", () => anchorOfDocument(receipt.anchors.state.rid, receipt.state_identity));
  part("identity", () => assertSame("workspace", receipt.workspace, anchor.workspace));
  const tenures = part("identity", () => tenuresOf(receipt.successions ?? [], anchor));
  const current = currentController(tenures);
  const handed = tenures.length === 1 ? "" : `, founded by ${anchor.founder} and handed over ${tenures.length - 1} times`;
  yield proven("identity", `the ledger ${anchor.rid} of ${anchor.workspace} belongs to ${current}${handed}`);
  yield checkAnchor(receipt, anchor, tenures, options);

  const audience = `${anchor.workspace}/${receipt.anchors.policy.rid}`;
  const rules = { workspace: anchor.workspace, controller: controllerOf(tenures, receipt.inclusion.index), audience };
  const { record } = part("record", () => checkRecord(receipt.record, rules));
  part("record", () => assertSame("subject", receipt.subject, record.claims.subject));
  seen.record = record;
  yield proven("record", `the ops-controller signed that ${record.claims.subject} ended as ${record.claims.outcome}`);

  const checkpoint = part("checkpoint", () => readCheckpoint(receipt.checkpoint, anchor.origin, current));
  part("checkpoint", () => {
    if (lastOf(tenures).fromIndex > checkpoint.size)
      throw new TriplaneError("receipt_invalid", "the ledger was handed over later than it says");
  });
  yield proven("checkpoint", `the ops-controller signed the ledger with ${checkpoint.size} records`);

  part("inclusion", () => {
    const proof = receipt.inclusion.proof.map((hash) => Buffer.from(hash, "base64"));
    const root = rootFromProof(leafHash(receipt.record), receipt.inclusion.index, checkpoint.size, proof);
    assertSame("root", root?.toString("base64"), checkpoint.root);
  });
  yield proven("inclusion", `it is record ${receipt.inclusion.index} of them`);

  const files = new Map(Object.entries(receipt.policy_files));
  part("policy", () => {
    const policy = policyOf(record);
    assertSame("policy repository", receipt.anchors.policy.rid, policy.rid);
    assertSame("policy commit", receipt.anchors.policy.commit, policy.commit);
    assertSame("policy digest", receipt.anchors.policy.digest, policy.digest);
    assertSame("policy files", policyDigest(files), policy.digest);
  });
  yield proven("policy", `the decision names the policy ${receipt.anchors.policy.commit} that is in the receipt`);
  yield await checkDecision(record, files, options);
}

function checkAnchor(receipt: Receipt, anchor: LedgerAnchor, tenures: Tenures, options: VerifyReceiptOptions): ReceiptStep {
  const { statePin, trustedController, policyRid } = options;
  part("anchor", () => {
    if (statePin !== undefined) {
      assertSame("state repository", anchor.rid, statePin.rid);
      assertSame("identity root", receipt.anchors.state.identity_root, statePin.identityRoot);
    }
    if (trustedController !== undefined && !tenures.some(({ controller }) => controller === trustedController))
      assertSame("ops-controller", currentController(tenures), trustedController);
    if (policyRid !== undefined) assertSame("policy repository", receipt.anchors.policy.rid, policyRid);
  });
  if (statePin === undefined && trustedController === undefined) {
    return { part: "anchor", result: "skipped", what: "no pin was given: compare the ledger's id with one you know from elsewhere" };
  }
  return proven("anchor", "the ledger is the pinned one");
}

async function checkDecision(record: AuditRecord, files: ReadonlyMap<string, string>, options: VerifyReceiptOptions): Promise<ReceiptStep> {
  if (options.checkDecision === undefined) return { part: "decision", result: "skipped", what: "the decision was not run again" };
  try {
    await options.checkDecision(record, files);
  } catch (thrown) {
    throw failed("decision", thrown);
  }
  return proven("decision", "the decision, run again under that policy, is the same");
}

function part<T>(name: ReceiptPart, check: () => T): T {
  try {
    return check();
  } catch (thrown) {
    throw failed(name, thrown);
  }
}

function failed(name: ReceiptPart, cause: unknown): TriplaneError {
  const message = cause instanceof Error ? cause.message : "it does not verify";
  const text = name === "form" ? message : `${name}: ${message}`;
  return new TriplaneError("receipt_invalid", text, { cause, details: { part: name } });
}

function proven(name: ReceiptPart, what: string): ReceiptStep {
  return { part: name, result: "proven", what };
}

function assertSame(what: string, found: string | undefined, expected: string): void {
  if (found !== expected) throw new TriplaneError("receipt_invalid", `the ${what} is ${found ?? "missing"}, not ${expected}`);
}
