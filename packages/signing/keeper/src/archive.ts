// What is recorded about ops and reviews: the sequence bucket and the review stream, read and checked.
import type { Bus, KeyValue } from "@triplane/bus";
import {
  type Approval,
  type DecisionFacts,
  type Did,
  type Op,
  type ReviewItem,
  streamNames,
  subjects,
  verifyApproval,
} from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import type { Policy, Signer } from "@triplane/policy";
import { countFacts } from "./facts.ts";
import { RECORD_KEYS, readRecord, type SequenceRecord, type SettledRecord, sequenceRecordSchema, settledRecordSchema } from "./records.ts";
import { type ReadItem, readReviewItem } from "./review-item.ts";
import type { Recorded } from "./service.ts";

export interface ArchiveOptions {
  readonly bus: Bus;
  readonly bucket: KeyValue;
  readonly workspace: string;
  readonly logger: Logger;
}

export class Archive {
  readonly #options: ArchiveOptions;

  constructor(options: ArchiveOptions) {
    this.#options = options;
  }

  /** What intake needs to know about an op. */
  async recorded(op: Op): Promise<Recorded> {
    const { bucket } = this.#options;
    const { jti, iss, seq } = op.claims;
    const nothing = { history: [], revision: undefined, review: undefined, settled: undefined };
    const refused = await this.#settled(RECORD_KEYS.refused(op.token.digest));
    if (refused !== undefined) return { ...nothing, refused };
    const key = RECORD_KEYS.sequence(iss);
    const [entry, settled, last] = await Promise.all([bucket.get(key), this.settledReview(jti), this.#lastItem(jti)]);
    const latest = entry === undefined ? [] : [readRecord(key, entry.value, sequenceRecordSchema)];
    const isOld = latest[0] !== undefined && seq < latest[0].seq;
    const isLate = latest[0]?.missing?.includes(seq) === true;
    return {
      refused: undefined,
      history: isLate ? await this.#withLate(latest, iss, seq) : isOld ? await this.history(iss) : latest,
      revision: entry?.revision,
      settled,
      review: last === undefined ? undefined : this.#itemOf(last.text, jti),
    };
  }

  // An item that does not verify was never ours; the one that intake publishes takes its place.
  #itemOf(text: string | undefined, jti: string): ReviewItem | undefined {
    try {
      return readReviewItem(text, jti).item;
    } catch (error) {
      this.#options.logger.warn({ err: error, jti }, "a review item does not verify");
      return undefined;
    }
  }

  /** Records of a key, newest first, as far as the bucket keeps them. */
  async history(did: Did): Promise<readonly SequenceRecord[]> {
    const key = RECORD_KEYS.sequence(did);
    return (await this.#options.bucket.history(key)).map((entry) => readRecord(key, entry.value, sequenceRecordSchema));
  }

  /** As `history`, with the op that came late under this number. */
  async historyFor(did: Did, seq: number): Promise<readonly SequenceRecord[]> {
    const history = await this.history(did);
    return history[0]?.missing?.includes(seq) === true ? this.#withLate(history, did, seq) : history;
  }

  async #withLate(history: readonly SequenceRecord[], did: Did, seq: number): Promise<readonly SequenceRecord[]> {
    const key = RECORD_KEYS.late(did, seq);
    const entry = await this.#options.bucket.get(key);
    return entry === undefined ? history : [...history, readRecord(key, entry.value, sequenceRecordSchema)];
  }

  /** The final output of a review that has ended. */
  settledReview(jti: string): Promise<SettledRecord | undefined> {
    return this.#settled(RECORD_KEYS.review(jti));
  }

  /** The review item of a jti. Throws `chain_broken` for one that does not verify. */
  async reviewItem(jti: string): Promise<ReadItem | undefined> {
    const last = await this.#lastItem(jti);
    return last === undefined ? undefined : readReviewItem(last.text, jti);
  }

  #lastItem(jti: string): ReturnType<Bus["last"]> {
    const { bus, workspace } = this.#options;
    return bus.last(streamNames(workspace).review, subjects(workspace).review(jti));
  }

  async #settled(key: string): Promise<SettledRecord | undefined> {
    const entry = await this.#options.bucket.get(key);
    return entry === undefined ? undefined : readRecord(key, entry.value, settledRecordSchema);
  }

  /** Counted over all keys of the op's issuer. */
  async facts(op: Op, issuer: Signer, policy: Policy, nowS: number): Promise<DecisionFacts> {
    const entries = await Promise.all(issuer.entry.keys.map((did) => this.#options.bucket.get(RECORD_KEYS.sequence(did))));
    const uses = entries.flatMap((entry) => (entry === undefined ? [] : readRecord(entry.key, entry.value, sequenceRecordSchema).uses));
    return countFacts({ policy, principal: issuer.principal, uses, jti: op.claims.jti, nowS });
  }

  /** All approvals and rejections of a jti whose signatures verify; what does not verify stays on the stream as evidence. */
  async approvals(jti: string): Promise<readonly Approval[]> {
    const { bus, workspace, logger } = this.#options;
    const found: Approval[] = [];
    for (const message of await bus.all(streamNames(workspace).review, subjects(workspace).approval(jti))) {
      try {
        if (message.text !== undefined) found.push(verifyApproval(message.text));
      } catch (error) {
        logger.debug({ err: error, jti, streamSeq: message.streamSeq }, "an approval does not verify");
      }
    }
    return found;
  }
}
