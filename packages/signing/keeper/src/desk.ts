// Where one keeper, daemon or person, works off messages and reviews: reads what is recorded, asks the core, performs its effects.
//
// 1. A decision is recorded and sent only after the verifier of the next hop believed it here: what it refused there would be
//    neither applied nor in the ledger. `every-command-lands`
import type { Bus, KeyValue, WorkMessage } from "@triplane/bus";
import {
  type Audience,
  buckets,
  type Clock,
  type DecisionFacts,
  digestOf,
  type FailureCode,
  nowSeconds,
  type Op,
  type ReviewItem,
  type SigningKey,
  subjects,
  TriplaneError,
  toTriplaneError,
} from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import { signerOf, usesOpenSince, verifyDecision } from "@triplane/policy";
import type { Alarms } from "./alarms.ts";
import { Archive } from "./archive.ts";
import { Counters } from "./counters.ts";
import type { Effect } from "./effects.ts";
import type { PolicyInForce } from "./outputs.ts";
import { type Handled, runPass, type Worked } from "./pass.ts";
import { Performer } from "./performer.ts";
import { RECORD_KEYS, readRecord, rebuildRecordSchema, type SettledRecord } from "./records.ts";
import { type Examined, examine } from "./review.ts";
import { type PendingMessage, refuseGarbage, type Seat } from "./service.ts";

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
  readonly #performer: Performer;
  readonly #counters = new Counters();

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#archive = new Archive({ ...options, workspace: options.audience.workspace });
    this.#performer = new Performer(options);
  }

  seat(inForce: PolicyInForce): Seat {
    const { audience, key, byHand } = this.#options;
    return { audience, key, inForce, ...(byHand === true ? { byHand } : {}) };
  }

  /** Works off one message of OPS_PENDING, ack included. Throws where an effect fails; the message then comes again. */
  async work(message: WorkMessage, inForce: PolicyInForce): Promise<Worked> {
    const [handled] = await this.workAll([message], inForce);
    await this.settled();
    if (handled?.as === "worked") return handled.worked;
    throw handled?.as === "failed" ? handled.error : new TriplaneError("internal", "a message was neither worked off nor did it fail");
  }

  /**
   * Works off messages in their order, which is that of the stream, and tells of each what became of it. Ops of one key that
   * follow one another are counted by one write. Acks may still be out when this returns: see `settled`. Never throws.
   */
  async workAll(messages: readonly WorkMessage[], inForce: PolicyInForce): Promise<readonly Handled[]> {
    const { clock } = this.#options;
    const seat = this.seat(inForce);
    const keeps = (effects: readonly Effect[], _seat: Seat, op: Op | undefined): boolean => this.#keeps(effects, inForce, op);
    const deps = { archive: this.#archive, counters: this.#counters, performer: this.#performer, clock, keeps };
    const ended = new Map<WorkMessage, Handled>();
    let left = messages;
    for (let losses = 0; left.length > 0; ) {
      const handled = await runPass(deps, left, seat);
      for (const each of handled) ended.set(each.message, each);
      if (handled.some((each) => each.as === "failed" || (each.as === "worked" && each.worked.kept === true))) break;
      const lost = handled.find((each) => each.as === "lost");
      if (lost !== undefined) losses += 1;
      if (lost !== undefined && losses === MAX_LOSSES) {
        const error = new TriplaneError("unavailable", `the records changed ${MAX_LOSSES} times under this keeper`);
        ended.set(lost.message, { message: lost.message, as: "failed", error });
        break;
      }
      left = handled.filter((each) => each.as === "lost" || each.as === "waits").map(({ message }) => message);
    }
    return messages.map((message): Handled => {
      const handled = ended.get(message);
      return handled === undefined || handled.as === "lost" ? { message, as: "waits" } : handled;
    });
  }

  /** Waits for the acks and answers that are out. */
  settled(): Promise<void> {
    return this.#performer.settled();
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
    await this.#performer.send(effects, message);
    await this.settled();
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
      const [settled, approvals, history, facts, shownS] = await Promise.all([
        this.#archive.settledReview(jti),
        this.#archive.approvals(jti),
        this.#archive.historyFor(op.claims.iss, op.claims.seq),
        issuer === undefined ? Promise.resolve<DecisionFacts>({}) : this.#archive.facts(op, issuer, inForce.policy, nowS),
        usesOpenSince(inForce.policy) ? this.#archive.shownS(jti, op.token.digest) : undefined,
      ]);
      const examined = examine({ seat, item, op, issuer, history, settled, approvals, facts, shownS, nowS });
      const isNew = examined.effects.some((effect) => effect.do === "record");
      if (perform === "perform" && isNew) this.#assertBelieved(examined.effects, inForce, op);
      if (perform === "look-only" || (await this.#perform(examined.effects))) return { ...examined, item, op };
    }
    throw new TriplaneError("unavailable", `the review of ${jti} changed ${MAX_LOSSES} times under this keeper`);
  }

  /** Whether a new decision has to be left to the keeper, whose word is believed where a person's is not. Throws as `#assertBelieved`. */
  #keeps(effects: readonly Effect[], inForce: PolicyInForce, op: Op | undefined): boolean {
    try {
      this.#assertBelieved(effects, inForce, op);
      return false;
    } catch (error) {
      if (this.#options.byHand === true) return true;
      throw error;
    }
  }

  /** Throws `internal` for a new decision that the next hop would not believe. */
  #assertBelieved(effects: readonly Effect[], inForce: PolicyInForce, op: Op | undefined): void {
    const { audience } = this.#options;
    const { policy, ref } = inForce;
    const policyAt = (commit: string) =>
      commit === ref.commit ? { policy, digest: ref.digest, files: new Map<string, string>() } : undefined;
    for (const effect of effects) {
      if (effect.do !== "publish" || effect.subject !== subjects(audience.workspace).cmd) continue;
      try {
        verifyDecision({ compact: effect.text, audience, policyAt, ...(op === undefined ? {} : { verifiedOp: op }) });
      } catch (cause) {
        throw new TriplaneError("internal", `the decision would not be believed: ${toTriplaneError(cause).message}`, { cause });
      }
    }
  }

  /** Performs a review's effects in order. False: a record was lost to another write, and nothing after it was done. */
  async #perform(effects: readonly Effect[]): Promise<boolean> {
    for (const effect of effects) {
      if (effect.do !== "record") continue;
      if ((await this.#performer.record(effect.key, effect.value, effect.expect)) === undefined) return false;
    }
    await this.#performer.send(effects, undefined);
    await this.settled();
    return true;
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
