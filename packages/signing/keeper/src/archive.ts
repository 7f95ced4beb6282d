// What is recorded about ops and reviews: the sequence bucket and the review stream, read and checked.
import type { Bus, KeyValue } from "@triplane/bus";
import {
  type Approval,
  type DecisionFacts,
  type Did,
  type Digest,
  type Op,
  type ReviewItem,
  streamNames,
  subjects,
  verifyApproval,
} from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import type { Policy, Signer } from "@triplane/policy";
import type { Counter } from "./counters.ts";
import { countFacts, isCounted } from "./facts.ts";
import { firstShownS } from "./open-since.ts";
import {
  opsOf,
  RECORD_KEYS,
  readRecord,
  type SequenceRecord,
  type SettledRecord,
  sequenceRecordSchema,
  settledRecordSchema,
  type Use,
} from "./records.ts";
import { type ReadItem, readReviewItem } from "./review-item.ts";

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

  /** The counter of a key: what the last write took in, newest first, and its revision. */
  async counter(did: Did): Promise<Counter> {
    const key = RECORD_KEYS.sequence(did);
    const entry = await this.#options.bucket.get(key);
    if (entry === undefined) return { revision: undefined, records: [] };
    return { revision: entry.revision, records: opsOf(readRecord(key, entry.value, sequenceRecordSchema)) };
  }

  /** The refusal of these bytes, where they were refused before without consuming a number. */
  refused(digest: Digest): Promise<SettledRecord | undefined> {
    return this.#settled(RECORD_KEYS.refused(digest));
  }

  /** The last review item under a jti, where it verifies. */
  async lastReview(jti: string): Promise<ReviewItem | undefined> {
    const last = await this.#lastItem(jti);
    return last === undefined ? undefined : this.#itemOf(last.text, jti);
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
    const entries = await this.#options.bucket.history(key);
    return entries.flatMap((entry) => opsOf(readRecord(key, entry.value, sequenceRecordSchema)));
  }

  /** As `history`, with the op that came late under this number. */
  async historyFor(did: Did, seq: number): Promise<readonly SequenceRecord[]> {
    const history = await this.history(did);
    const late = history[0]?.missing?.includes(seq) === true ? await this.late(did, seq) : undefined;
    return late === undefined ? history : [...history, late];
  }

  /** The op that took a number which a rebuild had left open. */
  async late(did: Did, seq: number): Promise<SequenceRecord | undefined> {
    const key = RECORD_KEYS.late(did, seq);
    const entry = await this.#options.bucket.get(key);
    return entry === undefined ? undefined : readRecord(key, entry.value, sequenceRecordSchema);
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

  /** When the broker stored the first review item about exactly this op, in seconds since 1970. */
  async shownS(jti: string, opDigest: Digest): Promise<number | undefined> {
    const { bus, workspace } = this.#options;
    return firstShownS(await bus.all(streamNames(workspace).review, subjects(workspace).review(jti)), opDigest);
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
    const uses = isCounted(policy, issuer.principal) ? await Promise.all(issuer.entry.keys.map((did) => this.uses(did))) : [];
    return countFacts({ policy, principal: issuer.principal, uses: uses.flat(), jti: op.claims.jti, nowS });
  }

  /** The uses of a key that may still count. */
  async uses(did: Did): Promise<readonly Use[]> {
    return (await this.counter(did)).records[0]?.uses ?? [];
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
