// Where one keeper, daemon or person, works off one message or one review: reads what is recorded, asks the core, performs its effects.
//
// 1. A decision is recorded and sent only after the verifier of the next hop believed it here: what it refused there would be
//    neither applied nor in the ledger. `every-command-lands`
import { type Bus, type KeyValue, messageIdOf, type WorkMessage } from "@triplane/bus";
import {
  type Audience,
  buckets,
  type Clock,
  type DecisionFacts,
  type Digest,
  digestOf,
  type FailureCode,
  failpoint,
  nowSeconds,
  type Op,
  type ReviewItem,
  type SigningKey,
  streamNames,
  subjects,
  TriplaneError,
  toTriplaneError,
} from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import { signerOf, verifyDecision } from "@triplane/policy";
import type { Alarms } from "./alarms.ts";
import { Archive } from "./archive.ts";
import type { Effect } from "./effects.ts";
import type { PolicyInForce } from "./outputs.ts";
import { RECORD_KEYS, readRecord, rebuildRecordSchema, type SettledRecord } from "./records.ts";
import { type Examined, examine } from "./review.ts";
import { type Intake, type PendingMessage, readMessage, refuseGarbage, type Seat, takeIn } from "./service.ts";

export interface DeskOptions {
  readonly bus: Bus;
  readonly bucket: KeyValue;
  readonly audience: Audience;
  readonly key: SigningKey;
  /** A person works in the keeper's place. */
  readonly byHand?: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly alarms: Alarms;
}

/** What became of a pending message. */
export interface Worked {
  readonly intake: Intake;
  /** Nothing was done: from this person the next hop would not believe the decision. The message is still theirs to give back. */
  readonly kept?: boolean;
  readonly op: Op | undefined;
  readonly digest: Digest;
}

export interface Looked extends Examined {
  readonly item: ReviewItem;
  readonly op: Op;
}

// A record is lost only to another keeper, and each loss means that one of them got on; more than a few is a defect.
const MAX_LOSSES = 5;

/** Opens the bucket of a workspace's sequences. Throws `replay_unfinished` for one that a rebuild has not filled yet. `no-fail-open` */
export async function openBucket(bus: Bus, workspace: string): Promise<KeyValue> {
  const name = buckets(workspace).seq;
  const bucket = await bus.keyValue(name);
  const entry = await bucket.get(RECORD_KEYS.rebuild);
  if (entry !== undefined && readRecord(entry.key, entry.value, rebuildRecordSchema).state === "begun")
    throw new TriplaneError("replay_unfinished", `the bucket ${name} does not hold all numbers yet`);
  return bucket;
}

export class Desk {
  readonly #options: DeskOptions;
  readonly #archive: Archive;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#archive = new Archive({ ...options, workspace: options.audience.workspace });
  }

  seat(inForce: PolicyInForce): Seat {
    const { audience, key, byHand } = this.#options;
    return { audience, key, inForce, ...(byHand === true ? { byHand } : {}) };
  }

  /** Works off one message of OPS_PENDING, ack included. Throws where an effect fails; the message then comes again. */
  async work(message: WorkMessage, inForce: PolicyInForce): Promise<Worked> {
    const pending: PendingMessage = {
      text: message.text,
      digest: digestOf(message.raw),
      storedAtS: Math.floor(message.storedAtMs / 1000),
    };
    const seat = this.seat(inForce);
    const read = readMessage(pending, seat);
    if (read.as === "garbage") {
      const intake: Intake = { verdict: "garbage", code: read.code, effects: refuseGarbage(pending, read, seat) };
      const kept = this.#keeps(intake.effects, inForce);
      if (!kept) await this.#perform(intake.effects, message);
      return { intake, op: undefined, digest: pending.digest, kept };
    }
    const { op, issuer } = read;
    for (let losses = 0; losses < MAX_LOSSES; losses += 1) {
      const nowS = nowSeconds(this.#options.clock);
      const recorded = await this.#archive.recorded(op);
      const facts = await this.#archive.facts(op, issuer, inForce.policy, nowS);
      failpoint("keeper.before-decide");
      const intake = takeIn({ seat, op, issuer, recorded, facts, nowS });
      failpoint("keeper.after-decide");
      const isNew = intake.effects.some((effect) => effect.do === "record");
      if (isNew && this.#keeps(intake.effects, inForce)) return { intake, op, digest: pending.digest, kept: true };
      if (await this.#perform(intake.effects, message)) return { intake, op, digest: pending.digest };
    }
    throw new TriplaneError("unavailable", `the record of ${op.claims.iss} changed ${MAX_LOSSES} times under this keeper`);
  }

  /** Takes a message off that fails every time: refused by its digest, recorded, alarmed. */
  async poison(message: WorkMessage, inForce: PolicyInForce, reason: string): Promise<void> {
    const digest = digestOf(message.raw);
    const pending: PendingMessage = { text: undefined, digest, storedAtS: Math.floor(message.storedAtMs / 1000) };
    const refused = refuseGarbage(pending, { as: "garbage", code: "poisoned", fact: reason }, this.seat(inForce));
    // A flood of garbage must not hide this alarm.
    const effects = refused.map((effect) => (effect.do === "alarm" ? { ...effect, throttle: `poisoned ${digest}` } : effect));
    const output = effects.find((effect) => effect.do === "publish");
    if (output !== undefined) {
      // Lost means that it is recorded already.
      const value: SettledRecord = { op_digest: digest, output: { subject: output.subject, text: output.text } };
      await this.#options.bucket.create(RECORD_KEYS.refused(digest), JSON.stringify(value));
    }
    await this.#perform(effects, message);
  }

  /** Examines the open review of a jti. Undefined where none is open. Throws `chain_broken` for an item that does not verify. */
  async look(jti: string, inForce: PolicyInForce, perform: "perform" | "look-only" = "perform"): Promise<Looked | undefined> {
    const seat = this.seat(inForce);
    for (let losses = 0; losses < MAX_LOSSES; losses += 1) {
      const read = await this.#archive.reviewItem(jti);
      if (read === undefined || read.item.state === "closed") return undefined;
      const { item, op } = read;
      const nowS = nowSeconds(this.#options.clock);
      const issuer = signerOf(inForce.policy, op.claims.iss);
      const [settled, approvals, history, facts] = await Promise.all([
        this.#archive.settledReview(jti),
        this.#archive.approvals(jti),
        this.#archive.historyFor(op.claims.iss, op.claims.seq),
        issuer === undefined ? Promise.resolve<DecisionFacts>({}) : this.#archive.facts(op, issuer, inForce.policy, nowS),
      ]);
      const examined = examine({ seat, item, op, issuer, history, settled, approvals, facts, nowS });
      const isNew = examined.effects.some((effect) => effect.do === "record");
      if (perform === "perform" && isNew) this.#assertBelieved(examined.effects, inForce);
      if (perform === "look-only" || (await this.#perform(examined.effects, undefined))) return { ...examined, item, op };
    }
    throw new TriplaneError("unavailable", `the review of ${jti} changed ${MAX_LOSSES} times under this keeper`);
  }

  /** Whether a new decision has to be left to the keeper, whose word is believed where a person's is not. Throws as `#assertBelieved`. */
  #keeps(effects: readonly Effect[], inForce: PolicyInForce): boolean {
    try {
      this.#assertBelieved(effects, inForce);
      return false;
    } catch (error) {
      if (this.#options.byHand === true) return true;
      throw error;
    }
  }

  /** Throws `internal` for a new decision that the next hop would not believe. */
  #assertBelieved(effects: readonly Effect[], inForce: PolicyInForce): void {
    const { audience } = this.#options;
    const { policy, ref } = inForce;
    const policyAt = (commit: string) =>
      commit === ref.commit ? { policy, digest: ref.digest, files: new Map<string, string>() } : undefined;
    for (const effect of effects) {
      if (effect.do !== "publish" || effect.subject !== subjects(audience.workspace).cmd) continue;
      try {
        verifyDecision({ compact: effect.text, audience, policyAt });
      } catch (cause) {
        throw new TriplaneError("internal", `the decision would not be believed: ${toTriplaneError(cause).message}`, { cause });
      }
    }
  }

  /** Performs effects in order. False: a record was lost to another write, and nothing after it was done. */
  async #perform(effects: readonly Effect[], message: WorkMessage | undefined): Promise<boolean> {
    const { bucket, alarms, bus, logger } = this.#options;
    for (const effect of effects) {
      switch (effect.do) {
        case "record": {
          const { key, value, expect } = effect;
          failpoint("keeper.before-sequence");
          const revision = expect === undefined ? await bucket.create(key, value) : await bucket.update(key, value, expect);
          if (revision === undefined) return false;
          failpoint("keeper.after-sequence");
          break;
        }
        case "publish":
          failpoint("keeper.before-publish");
          await this.#publish(effect.subject, effect.text);
          failpoint("keeper.after-publish");
          break;
        case "answer":
          try {
            await bus.publish(effect.subject, effect.text, { messageId: messageIdOf(effect.text) });
          } catch (error) {
            logger.warn({ err: error, subject: effect.subject }, "the answer could not be published");
          }
          break;
        case "alarm":
          await alarms.raise(effect);
          break;
        case "ack":
          failpoint("keeper.before-ack");
          if (message !== undefined && !(await message.ackConfirmed())) {
            logger.warn({ streamSeq: message.streamSeq }, "the ack is unconfirmed; the message may come again");
          }
          failpoint("keeper.after-ack");
          break;
      }
    }
    return true;
  }

  async #publish(subject: string, text: string): Promise<void> {
    const { bus, audience } = this.#options;
    const messageId = messageIdOf(text);
    const ack = await bus.publish(subject, text, { messageId });
    // Approvers may write to the review stream, so one of them could have spent this message id on something else.
    const stream = streamNames(audience.workspace).review;
    if (!ack.duplicate || !subject.startsWith(subjects(audience.workspace).review(""))) return;
    const last = await bus.last(stream, subject);
    if (last?.text !== text) await bus.publish(subject, text, { messageId: `${messageId}.${last?.streamSeq ?? 0}` });
  }
}

/** Failures that say nothing about the message in hand: it is tried again for as long as they last. */
export function isTransient(code: FailureCode): boolean {
  return TRANSIENT.has(code);
}

const TRANSIENT: ReadonlySet<FailureCode> = new Set([
  "bus_unreachable",
  "bus_denied",
  "publish_unconfirmed",
  "stream_missing",
  "stream_full",
  "unavailable",
  "git_failed",
]);
