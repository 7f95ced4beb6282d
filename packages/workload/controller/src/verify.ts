// Verifies a message of the command stream against the policy book: proven, not provable yet, or broken.
//
// 1. Nothing is waited for on the word of a key that the policy in force does not know: whoever can write to the stream could stop it so.
// 2. What reached the stream after a newer policy came into force here is held against that one, too: a key that it took away decides
//    nothing, and an op that it no longer admits is not applied (ADR-015).
import type { BusMessage } from "@triplane/bus";
import {
  type Admission,
  type Did,
  type FailureCode,
  parseToken,
  TriplaneError,
  toTriplaneError,
  verifyAdmission,
  verifyRefusal,
} from "@triplane/contract";
import { decideUnder, type LoadedPolicy, policyCommitOf, type VerifiedDecision, verifyDecision } from "@triplane/policy";
import type { PolicyBook } from "./policy-book.ts";

export type Verification =
  | {
      readonly kind: "proven";
      readonly decision: VerifiedDecision;
      readonly compact: string;
      /** Why the policy in force no longer admits what an older one did. */
      readonly superseded?: string;
    }
  /** Nothing is wrong with the message; what it needs is not here yet. */
  | { readonly kind: "later"; readonly reason: TriplaneError }
  | { readonly kind: "broken"; readonly reason: TriplaneError };

/** Where a failure to read the policy repository is not the message's fault. */
const TRANSIENT: ReadonlySet<FailureCode> = new Set(["git_failed", "unavailable", "quorum_not_reached"]);

/** Least time between two looks at the repository that messages can cause. */
const REFRESH_AFTER_MS = 500;

export interface VerifyContext {
  readonly book: PolicyBook;
  readonly audience: { readonly workspace: string; readonly policyRid: string };
}

/** `chain-verified-at-every-hop` */
export async function verifyMessage(message: Pick<BusMessage, "text" | "storedAtMs">, context: VerifyContext): Promise<Verification> {
  const { book, audience } = context;
  if (book.head === undefined) return { kind: "later", reason: new TriplaneError("unavailable", "no policy is in force") };
  try {
    const compact = message.text;
    if (compact === undefined) throw broken("the message is not UTF-8 text");
    const commit = policyCommitOf(compact);
    const { signer, admission } = signedDecision(compact);
    if (!book.mayDecide(signer)) await book.refreshIfOlderThan(REFRESH_AFTER_MS);
    const known = book.mayDecide(signer);
    if (!known && message.storedAtMs >= book.head.since_ms) throw broken(`the policy in force lets nobody decide with the key ${signer}`);
    const policy = await policyNamed(book, commit, known);
    if (policy === undefined && known)
      return { kind: "later", reason: new TriplaneError("unavailable", `the policy commit ${commit} is not here yet`) };
    const policyAt = (at: string): LoadedPolicy | undefined => (at === commit ? policy : undefined);
    const decision = verifyDecision({ compact, audience, policyAt, ...(admission === undefined ? {} : { verifiedAdmission: admission }) });
    const superseded = message.storedAtMs >= book.head.since_ms ? await whySuperseded(book, commit, decision) : undefined;
    return { kind: "proven", decision, compact, ...(superseded === undefined ? {} : { superseded }) };
  } catch (thrown) {
    const reason = toTriplaneError(thrown);
    if (reason.code === "chain_broken") return { kind: "broken", reason };
    if (TRANSIENT.has(reason.code)) return { kind: "later", reason };
    throw reason;
  }
}

async function whySuperseded(book: PolicyBook, commit: string, decision: VerifiedDecision): Promise<string | undefined> {
  const head = book.head?.commit;
  if (decision.kind === "refusal" || head === undefined || head === commit) return undefined;
  const current = await book.at(head);
  if (current === undefined) return undefined;
  const again = decideUnder(current.policy, decision.admission);
  if (again.verdict === "admit") return undefined;
  return again.verdict === "refuse" ? `${again.code}: ${again.fact}` : "it asks for approvals that the admission does not carry";
}

async function policyNamed(book: PolicyBook, commit: string, mayWait: boolean): Promise<LoadedPolicy | undefined> {
  try {
    const policy = await book.at(commit);
    if (policy !== undefined || !mayWait) return policy;
    await book.refreshIfOlderThan(REFRESH_AFTER_MS);
    return await book.at(commit);
  } catch (thrown) {
    const error = toTriplaneError(thrown);
    if (error.code === "policy_invalid" || error.code.startsWith("nickel_"))
      throw new TriplaneError("chain_broken", `the policy at ${commit} is not valid: ${error.message}`, { cause: thrown });
    throw error;
  }
}

/** Who signed, with the signature checked; what else the decision says is not looked at yet. */
function signedDecision(compact: string): { readonly signer: Did; readonly admission: Admission | undefined } {
  try {
    if (!isAdmission(compact)) return { signer: verifyRefusal(compact).claims.iss, admission: undefined };
    const admission = verifyAdmission(compact);
    return { signer: admission.claims.iss, admission };
  } catch (cause) {
    const error = toTriplaneError(cause);
    throw new TriplaneError("chain_broken", `${error.code}: ${error.message}`, { cause, details: { reason: error.code } });
  }
}

function isAdmission(compact: string): boolean {
  try {
    parseToken(compact, "admission+jwt");
    return true;
  } catch {
    return false;
  }
}

function broken(message: string): TriplaneError {
  return new TriplaneError("chain_broken", message);
}
