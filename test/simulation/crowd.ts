// The people of an interleaving: they submit until the broker confirms, send some of it again, and have their say about ops in review.

import { digestOf, subjects, verifyOp } from "@triplane/contract";
import { sleep } from "@triplane/kit";
import { type Dice, type Faults, type Scheduler, type SimulatedBroker, simulatedBus } from "@triplane/testkit";
import { type Approver, approvalOf, forgedAdmission, WORKSPACE } from "./people.ts";
import { textOf } from "./tokens.ts";
import type { Submission, Workload } from "./workload.ts";

export interface CrowdOptions {
  readonly scheduler: Scheduler;
  readonly broker: SimulatedBroker;
  readonly faults: Faults;
  readonly dice: Dice;
  readonly workload: Workload;
}

const RETRY_MS = 400;

export class Crowd {
  readonly #options: CrowdOptions;
  readonly asked = new Map<string, Submission>();
  readonly confirmed = new Set<string>();
  readonly #said = new Set<string>();
  /** Publications that are not confirmed yet. */
  #open = 0;

  constructor(options: CrowdOptions) {
    this.#options = options;
    for (const submission of options.workload.submissions) this.asked.set(submission.subject, submission);
  }

  /** Whether everybody has said what they wanted to say. */
  get isDone(): boolean {
    return this.#open === 0;
  }

  start(): void {
    const { workload } = this.#options;
    for (const by of ["ana", "ben"] as const) {
      const own = workload.submissions.filter((submission) => submission.by === by);
      if (own.length > 0) this.#as(by, (publish) => this.#submit(own, publish));
    }
    const { forged } = workload;
    if (forged !== undefined)
      this.#as("mallory", async (publish) => {
        await sleep(this.#options.dice.between(0, 3000));
        await publish(subjects(WORKSPACE).cmd, forgedAdmission(forged), "forged");
      });
  }

  /** Somebody sees what an op in review is, and says yes or no to it under the policy that it is held against. */
  onReviewItem(item: Readonly<Record<string, unknown>>): void {
    if (item["state"] !== "open") return;
    const { dice, workload } = this.#options;
    const op = verifyOp(textOf(item, "op"));
    const commit = textOf(item, "policy_commit");
    const isRejected = workload.rejected.has(op.claims.jti);
    for (const by of isRejected ? (["dan"] as const) : (["cleo", "dan"] as const)) {
      const what = `${op.token.digest} ${by} ${commit}`;
      if (this.#said.has(what)) continue;
      this.#said.add(what);
      const approval = approvalOf(op, by, isRejected ? "reject" : "approve", commit);
      const isLate = op.claims.exp - op.claims.iat < 60;
      const afterMs = isLate ? 45_000 : dice.between(20, 4000);
      this.#as(by, async (publish) => {
        await sleep(afterMs);
        await publish(subjects(WORKSPACE).approval(op.claims.jti), approval.token.compact, `approval of ${by}`);
      });
    }
  }

  async #submit(own: readonly Submission[], publish: Publish): Promise<void> {
    const { pending } = subjects(WORKSPACE);
    for (const submission of own) {
      await sleep(submission.afterMs);
      await publish(pending, submission.text, submission.subject);
      this.confirmed.add(submission.subject);
      for (const { afterMs } of submission.again)
        this.#as(submission.by, async (publishAgain) => {
          await sleep(afterMs);
          await publishAgain(pending, submission.text, `${submission.subject} again`);
        });
    }
  }

  #as(name: Approver | "ana" | "ben" | "mallory", act: (publish: Publish) => Promise<void>): void {
    const { scheduler, broker, faults, dice } = this.#options;
    const process = scheduler.process(name);
    this.#open += 1;
    scheduler.plan(0, process, () => {
      const bus = simulatedBus({ broker, process, faults, random: dice.random });
      const publish: Publish = async (subject, text, what) => {
        for (;;) {
          try {
            await bus.publish(subject, text);
            scheduler.trace(name, `has the broker's word for ${what} (${digestOf(text).slice(7, 15)})`);
            return;
          } catch {
            await sleep(RETRY_MS);
          }
        }
      };
      act(publish)
        .then(() => bus.close())
        .finally(() => {
          this.#open -= 1;
        });
    });
  }
}

type Publish = (subject: string, text: string, what: string) => Promise<void>;
