// Reads an answer: believes an outcome only if the controller signed it for these very bytes.
import {
  type Answer,
  answerSchema,
  type Did,
  digestOf,
  type ReviewNeed,
  TriplaneError,
  verifyAdmission,
  verifyAuditRecord,
  verifyRefusal,
} from "@triplane/contract";
import { tryParseJson } from "@triplane/kit";
import type { OpOutcome, OutboxOp } from "./entry.ts";

export interface Trust {
  /** The ops-controller's key, from the policy's pins. */
  readonly controllerDid: Did;
  /** `<workspace>/<policy RID>`. */
  readonly audience: string;
}

/** What is known of an op: nothing, that people are asked, or its verified end. */
export type OpStage =
  | { readonly stage: "sent" }
  | {
      readonly stage: "review";
      readonly needs: readonly ReviewNeed[];
      /** Present where it runs by itself at `runs_at`, seconds since 1970, unless one of the groups objects. */
      readonly unopposed?: Answer["unopposed"];
    }
  | { readonly stage: "outcome"; readonly outcome: OpOutcome };

/**
 * The stage that an answer's text tells. Throws a failure of a signed object, `chain_broken` where the record is not
 * the controller's or is about another op.
 */
export function readAnswer(text: string, op: OutboxOp, trust: Trust): OpStage {
  const answer = answerSchema.safeParse(tryParseJson(text));
  if (!answer.success) throw new TriplaneError("chain_broken", "the answer does not have the shape of one");
  if (answer.data.stage === "review") {
    const { needs = [], unopposed } = answer.data;
    return { stage: "review", needs, ...(unopposed === undefined ? {} : { unopposed }) };
  }
  if (answer.data.record === undefined) throw new TriplaneError("chain_broken", "an outcome without a record");
  return { stage: "outcome", outcome: readRecord(answer.data.record, op, trust) };
}

/** Verifies an audit+jwt as the end of this op (`chain-verified-at-every-hop`). */
export function readRecord(compact: string, op: OutboxOp, trust: Trust): OpOutcome {
  const { claims } = verifyAuditRecord(compact);
  if (claims.iss !== trust.controllerDid)
    throw new TriplaneError("chain_broken", `the record is signed by ${claims.iss}, not by the controller`);
  if (claims.aud !== trust.audience) throw new TriplaneError("aud_mismatch", `the record is for ${JSON.stringify(claims.aud)}`);
  if (claims.decision_digest !== digestOf(claims.decision))
    throw new TriplaneError("chain_broken", "the record's decision is not the one that it names");
  const decision = claims.basis === "admission" ? verifyAdmission(claims.decision).claims : verifyRefusal(claims.decision).claims;
  if (decision.op_digest !== op.digest) throw new TriplaneError("chain_broken", "the record is about other bytes than this op's");
  const expected =
    "nearest" in decision && (decision.code === "sequence_gap" || decision.code === "sequence_fork")
      ? decision.nearest?.["seq"]
      : undefined;
  return {
    record: compact,
    outcome: claims.outcome,
    ...(claims.code === undefined ? {} : { code: claims.code }),
    consumes_seq: "consumes_seq" in decision ? decision.consumes_seq : true,
    ...(typeof expected === "number" && Number.isSafeInteger(expected) && expected >= 1 ? { expected_seq: expected } : {}),
  };
}
