// An op in review: the item, the approvals so far and what is recorded in, effects out.
//
// 1. A review ends once: its final output is created under the jti before it is published, and repeated ever after.
// 2. Effects come in one order: record, publish on the command subject, close the item. A crash anywhere leaves the item
//    open, and an open item is examined again. `publish-before-ack`
// 3. It ends under the policy in force when it ends; approvals given under an older commit do not count.
import {
  type Approval,
  type DecisionFacts,
  type FailureCode,
  type Op,
  type ReviewItem,
  subjects,
  verifyAdmission,
  verifyRefusal,
} from "@triplane/contract";
import { type Decision, decide, type Signer } from "@triplane/policy";
import type { Effect } from "./effects.ts";
import { openSinceS } from "./open-since.ts";
import { admissionOutput, answerFor, openReview, refusalOutput, reviewOutput } from "./outputs.ts";
import { type Output, RECORD_KEYS, type SequenceRecord, type SettledRecord } from "./records.ts";
import { decidingAt, type Seat } from "./service.ts";

const MOMENT_S = 2;

export interface ReviewInput {
  readonly seat: Seat;
  readonly item: ReviewItem;
  /** The item's op, verified again. */
  readonly op: Op;
  /** Undefined where the policy in force no longer knows the op's key. */
  readonly issuer: Signer | undefined;
  /** Records of the op's key, newest first. */
  readonly history: readonly SequenceRecord[];
  /** The final output, where the review has already ended. */
  readonly settled: SettledRecord | undefined;
  /** All approvals and rejections on the op's subject whose signatures verify. */
  readonly approvals: readonly Approval[];
  readonly facts: DecisionFacts;
  /** When the broker stored the first item about this op, in seconds since 1970; undefined where the policy does not ask since when people could see it. */
  readonly shownS: number | undefined;
  readonly nowS: number;
}

export interface Examined {
  readonly state: "waits" | "ended" | "untaken";
  readonly verdict?: "admit" | "refuse";
  readonly code?: FailureCode;
  readonly effects: readonly Effect[];
  /** The decision that was reached now; absent where nothing was decided. */
  readonly decision?: Decision;
}

/** Examines one open review item. Pure. */
export function examine(input: ReviewInput): Examined {
  const { op, seat, item, nowS } = input;
  if (input.settled !== undefined) return end(input, input.settled.output, undefined);
  if (!wasTakenIn(input)) {
    return {
      state: "untaken",
      effects: [
        {
          do: "alarm",
          code: "chain_broken",
          message: isNumberFree(input)
            ? "the number of an op in review is free: it counts again once its sender has sent it again after the loss of the bucket; else somebody else writes to the review stream"
            : "a review item holds an op that this keeper never took in; somebody else writes to the review stream",
          subject: item.op_jti,
          throttle: `untaken ${item.op_jti}`,
        },
      ],
    };
  }
  const by = decidingAt(seat, nowS);
  const facts = factsOf(input);
  const decision = decide({
    op,
    policy: seat.inForce.policy,
    policyRef: seat.inForce.ref,
    approvals: input.approvals,
    facts,
    nowS,
    ...(seat.byHand === true ? { admittedBy: seat.key.did } : {}),
  });
  if (decision.verdict === "review") {
    const renewed = openReview(by, op, decision, item.taken_at);
    const changed = saysOtherwise(item, renewed);
    return {
      state: "waits",
      effects: changed ? [publish(reviewOutput(seat.audience.workspace, renewed)), ...tell(input, renewed)] : [],
      decision,
    };
  }
  if (decision.verdict === "admit") {
    return { ...end(input, admissionOutput(by, op, decision, facts), "new"), verdict: "admit", decision };
  }
  // What runs out while people are asked has a name of its own.
  const code = decision.code === "token_expired" ? "review_expired" : decision.code;
  const output = refusalOutput(by, op.token.digest, op, {
    ...decision,
    code,
    approvals: decision.countedApprovals,
    facts,
    consumesSeq: true,
  });
  return { ...end(input, output, "new"), verdict: "refuse", code, decision };
}

function factsOf({ facts, shownS, history, op, nowS }: ReviewInput): DecisionFacts {
  if (shownS === undefined) return facts;
  const record = history.find(({ seq, op_digest: digest }) => seq === op.claims.seq && digest === op.token.digest);
  return { ...facts, open_since: openSinceS(shownS, record, nowS) };
}

/** Whether people have to be told something new. Between taking an op in and showing it a moment passes, which is not news. */
function saysOtherwise(item: ReviewItem, renewed: ReviewItem): boolean {
  if (item.policy_commit !== renewed.policy_commit || JSON.stringify(item.needs) !== JSON.stringify(renewed.needs)) return true;
  if (JSON.stringify(item.unopposed?.groups) !== JSON.stringify(renewed.unopposed?.groups)) return true;
  const isOther = (was = 0, now = 0): boolean => Math.abs(was - now) > MOMENT_S;
  return isOther(item.closes_at, renewed.closes_at) || isOther(item.unopposed?.runs_at, renewed.unopposed?.runs_at);
}

// Review items carry no signature of ours, so an item counts only where the key's own record says that it was taken in.
// A record older than the bucket keeps cannot be compared; its op is then held to its signature, approvals and expiry alone.
function wasTakenIn(input: ReviewInput): boolean {
  const { seq } = input.op.claims;
  const same = input.history.find((record) => record.seq === seq);
  if (same !== undefined) return same.op_digest === input.op.token.digest;
  const oldest = input.history.at(-1);
  return oldest !== undefined && seq < oldest.seq;
}

/** Whether the op would get its number if it came now, as after a rebuild of a bucket that was lost. */
function isNumberFree({ op, history }: ReviewInput): boolean {
  const { seq } = op.claims;
  const [newest] = history;
  return seq > (newest?.seq ?? 0) || (newest?.missing?.includes(seq) === true && !history.some((record) => record.seq === seq));
}

function end(input: ReviewInput, output: Output, fresh: "new" | undefined): Examined {
  const { item, seat, op } = input;
  const settled: SettledRecord = { op_digest: op.token.digest, output };
  const closed: ReviewItem = { ...item, state: "closed", closed_by: closedBy(output) };
  const effects: Effect[] = [];
  if (fresh === "new") {
    effects.push({ do: "record", key: RECORD_KEYS.review(item.op_jti), value: JSON.stringify(settled), expect: undefined });
  }
  effects.push(publish(output), publish(reviewOutput(seat.audience.workspace, closed)));
  return { state: "ended", effects };
}

function closedBy(output: Output): string {
  try {
    verifyAdmission(output.text);
    return "admitted";
  } catch {
    return verifyRefusal(output.text).claims.code;
  }
}

function tell(input: ReviewInput, item: ReviewItem): readonly Effect[] {
  if (input.issuer === undefined) return [];
  const word = answerFor(item);
  const subject = subjects(input.seat.audience.workspace).answer(input.issuer.principal, item.op_jti);
  return [{ do: "answer", subject, text: JSON.stringify(word) }];
}

function publish(output: Output): Effect {
  return { do: "publish", ...output };
}
