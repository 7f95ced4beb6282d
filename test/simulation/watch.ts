// Watches an interleaving while it runs: an ack before what it stands for is kept is wrong even if nobody dies in between.
//
// I4 and I5 of section 4.5 of the facts: an effect has a row before it; the command stream lets go of nothing that has no row. The same for
// the keeper's and the mirror's stream.
import { digestOf, streamNames } from "@triplane/contract";
import type { BrokerWatcher, Delivery, Stored } from "@triplane/testkit";
import type { Effect } from "./machines.ts";
import { WORKSPACE } from "./people.ts";
import type { Platform } from "./platform.ts";
import type { Tally } from "./role.ts";
import { payloadOf, textOf } from "./tokens.ts";

export class Watch implements BrokerWatcher {
  readonly violations: string[] = [];
  /** Digest of an op to the place of its first decision on the command stream. */
  readonly commandPlace = new Map<string, number>();
  /** Open review items as they come to the stream. */
  onReviewItem: ((item: Readonly<Record<string, unknown>>) => void) | undefined;
  readonly #names = streamNames(WORKSPACE);
  /** Digests of submitted bytes whose output is on a stream. */
  readonly #outputs = new Set<string>();
  readonly #tally: Tally;
  #platform: Platform | undefined;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  watch(platform: Platform): void {
    this.#platform = platform;
    platform.machines.onEffect = (effect) => this.#onEffect(effect);
  }

  onStored(stream: string, stored: Stored): void {
    const text = stored.text ?? "";
    if (stream === this.#names.cmd) {
      const digest = textOf(payloadOf(text), "op_digest");
      this.#outputs.add(digest);
      if (!this.commandPlace.has(digest)) this.commandPlace.set(digest, stored.seq);
    } else if (stream === this.#names.review && stored.subject.startsWith("ops.review.")) {
      const item: Readonly<Record<string, unknown>> = JSON.parse(text);
      this.#outputs.add(textOf(item, "op_digest"));
      this.onReviewItem?.(item);
    }
  }

  onSettled(stream: string, stored: Stored): void {
    const platform = this.#platform;
    if (platform === undefined) return;
    const digest = digestOf(stored.raw);
    if (stream === this.#names.pending && !this.#outputs.has(digest))
      this.violations.push(`publish-before-ack: pending message ${stored.seq} is acked and its output is on no stream`);
    if (stream === this.#names.cmd && !this.#hasRow(platform, stored.text ?? "", digest))
      this.violations.push(`persist-before-ack: command ${stored.seq} is acked and the database knows nothing of it`);
    if (
      stream === this.#names.audit &&
      !platform.ledger.has(textOf(payloadOf(stored.text ?? ""), "subject")) &&
      !platform.setAside.has(digest)
    )
      this.violations.push(`persist-before-ack: audit record ${stored.seq} is acked and not in the ledger`);
  }

  onHandedOut(stream: string, { deliveries }: Delivery): void {
    if (deliveries > 1) this.#tally.count(`redelivered from ${stream.slice(0, -WORKSPACE.length - 1)}`);
  }

  #hasRow({ controllerDatabase }: Platform, text: string, digest: string): boolean {
    const { op_jti, op_digest } = payloadOf(text);
    const rows = controllerDatabase.rows("ops");
    return rows.has(String(op_jti)) || rows.has(String(op_digest)) || controllerDatabase.rows("rejected").has(digest);
  }

  #onEffect({ jti, target }: Effect): void {
    const platform = this.#platform;
    if (platform === undefined) return;
    if (!platform.controllerDatabase.rows("ops").has(jti))
      this.violations.push(`write-ahead: ${target} changed for ${jti}, of which the controller has no row`);
    if (!platform.orchestratorDatabase.rows("ops").has(jti))
      this.violations.push(`write-ahead: ${target} changed for ${jti}, of which the orchestrator has no row`);
  }
}
