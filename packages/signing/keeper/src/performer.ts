// Performs the keeper's effects on the bus. What is only a convenience or a word to the broker goes on beside the next op.
//
// 1. A record and a publish are waited for; an answer, an alarm and an ack are not, and `settled` waits for those that are out.
// 2. An ack is sent after the answers of the same message, and only where everything before it was confirmed. `publish-before-ack`
import type { Bus, KeyValue, WorkMessage } from "@triplane/bus";
import { failpoint } from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import type { Alarms } from "./alarms.ts";
import type { Effect } from "./effects.ts";

export interface PerformerOptions {
  readonly bus: Bus;
  readonly bucket: KeyValue;
  readonly logger: Logger;
  readonly alarms: Alarms;
}

// Acks and answers that may be out at once; then the keeper waits for the broker.
const MAX_LOOSE = 512;

export class Performer {
  readonly #options: PerformerOptions;
  readonly #loose = new Set<Promise<void>>();
  #failed: { readonly error: unknown } | undefined;

  constructor(options: PerformerOptions) {
    this.#options = options;
  }

  /** Compare-and-set. Returns the new revision, or undefined where another write came first. */
  async record(key: string, value: string, expect: number | undefined): Promise<number | undefined> {
    const { bucket } = this.#options;
    failpoint("keeper.before-sequence");
    const revision = expect === undefined ? await bucket.create(key, value) : await bucket.update(key, value, expect);
    if (revision !== undefined) failpoint("keeper.after-sequence");
    return revision;
  }

  /** Publishes what is recorded and lets the message go. Throws where a publish is not confirmed; nothing after it is done. */
  async send(effects: readonly Effect[], message: WorkMessage | undefined): Promise<void> {
    const words: Promise<void>[] = [];
    for (const effect of effects) {
      switch (effect.do) {
        case "record":
        case "count":
          break;
        case "publish":
          failpoint("keeper.before-publish");
          await this.#options.bus.publish(effect.subject, effect.text);
          failpoint("keeper.after-publish");
          break;
        case "answer":
          words.push(this.#answer(effect.subject, effect.text));
          break;
        case "alarm":
          words.push(this.#options.alarms.raise(effect));
          break;
        case "ack":
          words.push(words.length === 0 ? this.#ack(message) : Promise.all(words).then(() => this.#ack(message)));
          break;
      }
    }
    for (const word of words) this.#let(word);
    if (this.#loose.size > MAX_LOOSE) await Promise.allSettled(this.#loose);
  }

  /** Waits for answers, alarms and acks that are out. Throws what an ack threw since the last call. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#loose);
    const failed = this.#failed;
    this.#failed = undefined;
    if (failed !== undefined) throw failed.error;
  }

  #let(word: Promise<void>): void {
    this.#loose.add(word);
    word.then(
      () => this.#loose.delete(word),
      (error: unknown) => {
        this.#loose.delete(word);
        this.#failed = { error };
        this.#options.logger.error({ err: error }, "a message could not be acked; it comes again");
      },
    );
  }

  async #answer(subject: string, text: string): Promise<void> {
    try {
      await this.#options.bus.publish(subject, text);
    } catch (error) {
      this.#options.logger.warn({ err: error, subject }, "the answer could not be published");
    }
  }

  async #ack(message: WorkMessage | undefined): Promise<void> {
    failpoint("keeper.before-ack");
    if (message !== undefined && !(await message.ackConfirmed()))
      this.#options.logger.warn({ streamSeq: message.streamSeq }, "the ack is unconfirmed; the message may come again");
    failpoint("keeper.after-ack");
  }
}
