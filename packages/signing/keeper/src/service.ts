// The keeper's intake: one message of OPS_PENDING and what is recorded about it in, effects out.
//
// 1. Effects come in one order: record or count (compare-and-set), publish (confirmed), tell, ack. `publish-before-ack`
// 2. What was recorded is repeated byte for byte on redelivery, never decided again. `every-command-lands`
// 3. An op consumes its number when it is taken in, also when it is refused. A gap, a fork, an op for another workspace or
//    under another op's jti, and bytes of no known signer do not; what did not consume its number stays refused for good.
// 4. Time and facts are arguments. `time-is-an-input`
import {
  type Audience,
  assertAudience,
  type DecisionFacts,
  type Digest,
  type FailureCode,
  type Op,
  type ReviewItem,
  type SigningKey,
  subjects,
  TriplaneError,
  toTriplaneError,
  verifyOp,
} from "@triplane/contract";
import { type Decision, decide, type Signer, signerOf } from "@triplane/policy";
import type { Effect } from "./effects.ts";
import { addUse } from "./facts.ts";
import { admissionOutput, answerFor, type Deciding, openReview, type PolicyInForce, refusalOutput, reviewOutput } from "./outputs.ts";
import { type Output, RECORD_KEYS, type SequenceRecord, type SettledRecord } from "./records.ts";
import { placeInSequence } from "./sequence.ts";

/** Who decides, for which workspace, under which policy. */
export interface Seat {
  readonly audience: Audience;
  readonly key: SigningKey;
  readonly inForce: PolicyInForce;
  /** Set where a person admits by hand in the keeper's place. */
  readonly byHand?: boolean;
}

export interface PendingMessage {
  /** UTF-8 text; undefined where the bytes are none. */
  readonly text: string | undefined;
  /** Of the exact bytes. */
  readonly digest: Digest;
  /** Broker's time of storage, seconds since 1970. */
  readonly storedAtS: number;
}

/** What a message turned out to be before anything recorded is looked at. */
export type ReadMessage =
  | { readonly as: "op"; readonly op: Op; readonly issuer: Signer }
  | { readonly as: "garbage"; readonly code: FailureCode; readonly fact: string };

/** Verifies form and signature, and that the policy knows the key. Never throws. `no-fail-open` */
export function readMessage(message: PendingMessage, seat: Seat): ReadMessage {
  try {
    if (message.text === undefined) throw new TriplaneError("token_malformed", "the bytes are not UTF-8 text");
    const op = verifyOp(message.text);
    const issuer = signerOf(seat.inForce.policy, op.claims.iss);
    if (issuer === undefined || issuer.role === "keeper") {
      throw new TriplaneError("kid_unknown", `${op.claims.iss} is no issuer in the policy`);
    }
    return { as: "op", op, issuer };
  } catch (thrown) {
    const error = toTriplaneError(thrown, "token_malformed");
    return { as: "garbage", code: error.code, fact: error.message };
  }
}

/**
 * The refusal of bytes that are no op of a known signer. Nothing is recorded about them, so the broker's
 * time of storage stands in for the clock: on redelivery the same bytes come out as long as the policy is the same.
 */
export function refuseGarbage(message: PendingMessage, read: ReadMessage & { readonly as: "garbage" }, seat: Seat): readonly Effect[] {
  const output = refusalOutput(decidingAt(seat, message.storedAtS), message.digest, undefined, { ...read, consumesSeq: false });
  return [
    publish(output),
    { do: "alarm", code: read.code, message: `refused bytes that are no op: ${read.fact}`, subject: message.digest, throttle: "garbage" },
    { do: "ack" },
  ];
}

/** What the bucket and the review stream hold about an op. */
export interface Recorded {
  /** Records of the op's key, newest first, as far as the bucket keeps them. */
  readonly history: readonly SequenceRecord[];
  /** Revision of the newest; undefined where the key has none. */
  readonly revision: number | undefined;
  /** Where these bytes were refused before without consuming a number. */
  readonly refused: SettledRecord | undefined;
  /** Last review item under the op's jti. */
  readonly review: ReviewItem | undefined;
  /** Final output of the review under the op's jti. */
  readonly settled: SettledRecord | undefined;
}

export interface IntakeInput {
  readonly seat: Seat;
  readonly op: Op;
  readonly issuer: Signer;
  readonly recorded: Recorded;
  readonly facts: DecisionFacts;
  readonly nowS: number;
}

/** What happened to an op at intake; for metrics, logs and people. */
export type IntakeVerdict = "admit" | "review" | "refuse" | "gap" | "fork" | "repeat" | "garbage";

export interface Intake {
  readonly verdict: IntakeVerdict;
  readonly code?: FailureCode;
  readonly effects: readonly Effect[];
  /** The op waits for people now, so its expiry has to be watched. */
  readonly waits?: boolean;
}

/** Takes a verified op in. Pure. */
export function takeIn(input: IntakeInput): Intake {
  const { op, recorded } = input;
  if (recorded.refused !== undefined) return { verdict: "repeat", effects: [publish(recorded.refused.output), { do: "ack" }] };
  const elsewhere = whyElsewhere(input);
  if (elsewhere !== undefined) return refuseUncounted(input, "refuse", elsewhere);
  // A review is found by its jti: a second op under that jti would take its place, or its place in the ledger.
  if (recorded.review !== undefined && recorded.review.op_digest !== op.token.digest) {
    const fact = `the jti belongs to an op that was in review, ${recorded.review.op_digest}`;
    return refuseUncounted(input, "refuse", { code: "jti_reused", fact, namesOp: false });
  }
  const place = placeInSequence(op.claims.seq, op.token.digest, recorded.history);
  switch (place.at) {
    case "repeat":
      return repeat(input, place.record);
    case "gap":
      return (
        repeatOfReview(input) ??
        refuseUncounted(input, "gap", {
          code: "sequence_gap",
          fact: `the op has sequence number ${op.claims.seq}, expected is ${place.expected}`,
          expected: place.expected,
        })
      );
    case "fork":
      return refuseUncounted(input, "fork", {
        code: "sequence_fork",
        fact: `sequence number ${op.claims.seq} of this key belongs to another op, ${place.other}`,
        expected: place.expected,
      });
    case "next":
      return takeNext(input, RECORD_KEYS.sequence(op.claims.iss));
    case "late":
      return lateReview(input) ?? takeNext(input, RECORD_KEYS.late(op.claims.iss, op.claims.seq));
  }
}

// An op for another workspace is numbered there; counting it here would let anybody use up a key's numbers with it.
function whyElsewhere(input: IntakeInput): Uncounted | undefined {
  try {
    assertAudience(input.op.claims.aud, input.seat.audience);
    return undefined;
  } catch (thrown) {
    const error = toTriplaneError(thrown);
    return { code: error.code, fact: error.message };
  }
}

/** `key`: where the op and its output are recorded. */
function takeNext(input: IntakeInput, key: string): Intake {
  const { op, seat, nowS, facts } = input;
  const by = decidingAt(seat, nowS);
  const decision = decide({
    op,
    policy: seat.inForce.policy,
    policyRef: seat.inForce.ref,
    approvals: [],
    facts,
    nowS,
    ...(seat.byHand === true ? { admittedBy: seat.key.did } : {}),
  });
  if (decision.verdict === "review") {
    const item = openReview(by, op, decision, nowS);
    const output = reviewOutput(seat.audience.workspace, item);
    return {
      verdict: "review",
      effects: [count(input, key, output, decision), publish(output), answer(input, item), { do: "ack" }],
      waits: true,
    };
  }
  const output =
    decision.verdict === "admit"
      ? admissionOutput(by, op, decision, facts)
      : refusalOutput(by, op.token.digest, op, { ...decision, approvals: decision.countedApprovals, facts, consumesSeq: true });
  return {
    verdict: decision.verdict,
    ...(decision.verdict === "refuse" ? { code: decision.code } : {}),
    effects: [count(input, key, output, decision), publish(output), { do: "ack" }],
  };
}

/** The same bytes again: the recorded output again, except that a review that went on is not opened anew. */
function repeat(input: IntakeInput, known: SequenceRecord): Intake {
  const { recorded, op } = input;
  const workspace = input.seat.audience.workspace;
  if (known.output.subject !== subjects(workspace).review(op.claims.jti)) {
    return { verdict: "repeat", effects: [publish(known.output), { do: "ack" }] };
  }
  if (recorded.settled !== undefined) return { verdict: "repeat", effects: [publish(recorded.settled.output), { do: "ack" }] };
  if (recorded.review === undefined) {
    return { verdict: "repeat", effects: [publish(known.output), { do: "ack" }], waits: true };
  }
  return { verdict: "repeat", effects: [answer(input, recorded.review), { do: "ack" }], waits: true };
}

/**
 * An op that waits for people may be sent again when its number is older than the bucket keeps. Its review then says that it was taken in:
 * refused as a gap it would end, and its number, which it used up, would be in no record. `every-command-lands`
 */
function repeatOfReview(input: IntakeInput): Intake | undefined {
  const { recorded, op } = input;
  const oldest = recorded.history.at(-1);
  if (oldest === undefined || op.claims.seq >= oldest.seq) return undefined;
  const { digest } = op.token;
  if (recorded.settled?.op_digest === digest) return { verdict: "repeat", effects: [publish(recorded.settled.output), { do: "ack" }] };
  if (recorded.review?.state !== "open" || recorded.review.op_digest !== digest) return undefined;
  return { verdict: "repeat", effects: [answer(input, recorded.review), { do: "ack" }], waits: true };
}

/**
 * An op whose review outlived the record of its number, because the bucket was rebuilt: it has its number again, and its review goes on.
 * The record comes first: a review whose op has no number is nobody's. `every-command-lands`
 */
function lateReview(input: IntakeInput): Intake | undefined {
  const { recorded, op, seat } = input;
  const { digest } = op.token;
  if (recorded.settled?.op_digest === digest) {
    const { output } = recorded.settled;
    return { verdict: "repeat", effects: [recordLate(input, output), publish(output), { do: "ack" }] };
  }
  if (recorded.review?.state !== "open" || recorded.review.op_digest !== digest) return undefined;
  const output = reviewOutput(seat.audience.workspace, recorded.review);
  return { verdict: "repeat", effects: [recordLate(input, output), answer(input, recorded.review), { do: "ack" }], waits: true };
}

interface Uncounted {
  readonly code: FailureCode;
  readonly fact: string;
  /** The number that would have been right. */
  readonly expected?: number;
  /** False where the refusal must not be filed under the op's jti, because that is another op's. */
  readonly namesOp?: boolean;
}

/** A refusal that leaves the key's counter alone, remembered under the digest of the bytes. */
function refuseUncounted(input: IntakeInput, verdict: "refuse" | "gap" | "fork", words: Uncounted): Intake {
  const { op, seat } = input;
  const output = refusalOutput(decidingAt(seat, input.nowS), op.token.digest, words.namesOp === false ? undefined : op, {
    code: words.code,
    fact: words.fact,
    ...(words.expected === undefined ? {} : { nearest: { seq: words.expected } }),
    facts: input.facts,
    consumesSeq: false,
  });
  const value: SettledRecord = { op_digest: op.token.digest, output };
  const effects: Effect[] = [
    { do: "record", key: RECORD_KEYS.refused(op.token.digest), value: JSON.stringify(value), expect: undefined },
    publish(output),
  ];
  if (verdict === "fork") {
    effects.push({ do: "alarm", code: words.code, message: `${op.claims.iss}: ${words.fact}`, subject: op.claims.jti });
  }
  return { verdict, code: words.code, effects: [...effects, { do: "ack" }] };
}

function count(input: IntakeInput, key: string, output: Output, decision: Decision): Effect {
  const { op, issuer, recorded, seat, nowS } = input;
  if (key !== RECORD_KEYS.sequence(op.claims.iss)) return recordLate(input, output);
  const used = decision.verdict !== "refuse";
  const rule = decision.verdict === "admit" && decision.basis === "auto" ? { rule: decision.rule } : {};
  const uses = addUse(recorded.history[0]?.uses ?? [], used ? { at: nowS, jti: op.claims.jti, ...rule } : undefined, {
    policy: seat.inForce.policy,
    principal: issuer.principal,
    nowS,
  });
  const record: SequenceRecord = {
    seq: op.claims.seq,
    op_digest: op.token.digest,
    output,
    uses: [...uses],
    ...missingOf(recorded.history),
  };
  return { do: "count", key, record, expect: recorded.revision };
}

/** The op has a number that a rebuild left open. Created once: whoever comes second with that number finds it taken. */
function recordLate({ op }: IntakeInput, output: Output): Effect {
  const late: SequenceRecord = { seq: op.claims.seq, op_digest: op.token.digest, output, uses: [] };
  return { do: "record", key: RECORD_KEYS.late(op.claims.iss, op.claims.seq), value: JSON.stringify(late), expect: undefined };
}

function missingOf([latest]: readonly SequenceRecord[]): Pick<SequenceRecord, "missing"> {
  return latest?.missing === undefined ? {} : { missing: latest.missing };
}

function answer(input: IntakeInput, item: ReviewItem): Effect {
  const word = answerFor(item);
  const subject = subjects(input.seat.audience.workspace).answer(input.issuer.principal, item.op_jti);
  return { do: "answer", subject, text: JSON.stringify(word) };
}

function publish(output: Output): Effect {
  return { do: "publish", ...output };
}

export function decidingAt(seat: Seat, nowS: number): Deciding {
  return { audience: seat.audience, ref: seat.inForce.ref, key: seat.key, nowS };
}
