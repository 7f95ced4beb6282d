// Takes messages off the command stream, as many as are there, in stream order.
//
// 1. A message is acked or taken off only after what it means is on disk (`persist-before-ack`).
// 2. Those that are proven and follow one another are stored by one commit, in their order; a part of them is never on disk alone.
// 3. What is not the message's fault leaves it in its place, and all behind it; only what can never be proven, or fails too often, is
//    taken off as evidence.
import type { WorkMessage } from "@triplane/bus";
import { type Clock, failpoint, nowSeconds, type Op, TriplaneError, toTriplaneError } from "@triplane/contract";
import { type Logger, noTracer, type Tracer } from "@triplane/kit";
import type { VerifiedDecision } from "@triplane/policy";
import type { GlassUse, OutboxEntry, Records } from "./adapters/store-records.ts";
import type { Alarms } from "./alarms.ts";
import type { GlassBook } from "./glass/book.ts";
import { breaksGlass, describeUse, glassRowOf, notNow, type Withheld, whyFrozen, wrongNumber } from "./glass/judge.ts";
import type { ControllerMetrics } from "./metrics.ts";
import type { Positions } from "./positions.ts";
import type { AcceptedRow, GlassRow } from "./rows.ts";
import { type ControllerService, type IntakeStep, rightfulOf, subjectsOf } from "./service.ts";
import { TakenTogether } from "./taken-together.ts";
import { type Verification, type VerifyContext, verifyMessage } from "./verify.ts";

export interface IntakeOptions {
  readonly verifyContext: VerifyContext;
  readonly service: ControllerService;
  readonly records: Records;
  readonly positions: Positions;
  readonly alarms: Alarms;
  readonly glass: GlassBook;
  readonly clock: Clock;
  readonly metrics: ControllerMetrics;
  /** Unless given, nothing is traced. */
  readonly tracer?: Tracer | undefined;
  readonly logger: Logger;
  /** Times that a message is tried before one that fails for a reason of its own is taken off. */
  readonly maxDeliveries: number;
  /** An op is durable and may be applied. */
  readonly onAccepted: (row: AcceptedRow, op: Op) => void;
  /** Something is in the outbox. */
  readonly onOutbox: (entries: readonly OutboxEntry[]) => void;
}

export interface Taken {
  /** How many of the messages, from the first on, are settled. */
  readonly settled: number;
  /** The first of the others has to wait. */
  readonly waits?: { readonly tries: number };
}

type Proven = Extract<Verification, { kind: "proven" }> & { readonly message: WorkMessage };
type Broken = Extract<VerifiedDecision, { kind: "admission" }>;
type Step = IntakeStep & { readonly of: Proven; readonly glass?: GlassUse };
/** Why the message after those that were proven is not among them. */
type Stop = { readonly kind: "later" | "broken" | "defect"; readonly reason: TriplaneError };

const WORKING_EVERY_MS = 3000;
/** Tries after which somebody should know that the stream stands still. */
const TELL_AFTER = 5;

export class Intake {
  readonly #options: IntakeOptions;
  /** The message that waits, and how often it was tried here. */
  #waiting: { readonly streamSeq: number; readonly times: number } | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Takes in as many as can be, in order. Throws only where the database no longer answers for what it holds. */
  async handle(messages: readonly WorkMessage[]): Promise<Taken> {
    const working = setInterval(() => {
      for (const message of messages) message.working();
    }, WORKING_EVERY_MS);
    try {
      let settled = 0;
      while (settled < messages.length) {
        const rest = messages.slice(settled);
        const { count, stop } = await this.#handleProven(rest);
        settled += count;
        const message = rest[count];
        if (stop === undefined || message === undefined) continue;
        const tries = await this.#settleOther(message, stop);
        if (tries !== undefined) return { settled, waits: { tries } };
        settled += 1;
      }
      return { settled };
    } finally {
      clearInterval(working);
    }
  }

  /** Everything from the first message on that is proven and can be taken in; `stop` says why the next one is not. */
  async #handleProven(messages: readonly WorkMessage[]): Promise<{ readonly count: number; readonly stop: Stop | undefined }> {
    failpoint("controller.before-verify");
    const { proven, stop: unproven } = await this.#verify(messages);
    failpoint("controller.after-verify");
    if (proven.length === 0) return { count: 0, stop: unproven };
    try {
      const { steps, stop: undecided } = await this.#decide(proven);
      if (steps.length > 0) await this.#takeIn(steps);
      return { count: steps.length, stop: undecided ?? unproven };
    } catch (thrown) {
      const stop = defect(thrown);
      // Somebody else may have used a number that seemed free.
      await this.#options.glass.reload().catch(() => undefined);
      return proven.length > 1 ? await this.#handleProven(messages.slice(0, 1)) : { count: 0, stop };
    }
  }

  async #verify(messages: readonly WorkMessage[]): Promise<{ readonly proven: readonly Proven[]; readonly stop: Stop | undefined }> {
    const proven: Proven[] = [];
    for (const message of messages) {
      const verification = await verifyMessage(message, this.#options.verifyContext).catch(defect);
      if (verification.kind !== "proven") return { proven, stop: verification };
      proven.push({ ...verification, message });
    }
    return { proven, stop: undefined };
  }

  async #decide(proven: readonly Proven[]): Promise<{ readonly steps: readonly Step[]; readonly stop: Stop | undefined }> {
    const { service, records, positions, glass, clock } = this.#options;
    const stored = await Promise.all(proven.map(({ decision }) => records.known(subjectsOf(decision))));
    const together = new TakenTogether();
    const steps: Step[] = [];
    const broken: GlassRow[] = [];
    for (const [index, of] of proven.entries()) {
      const { decision, compact, message } = of;
      const known = together.known(subjectsOf(decision), stored[index]);
      try {
        const isNew = rightfulOf(known, subjectsOf(decision)) === undefined;
        const use = isNew && breaksGlass(decision) ? decision : undefined;
        const wrong = use === undefined ? undefined : wrongNumber(use, [...glass.rows, ...broken]);
        if (wrong !== undefined) return { steps, stop: { kind: "broken", reason: wrong } };
        const nowS = nowSeconds(clock);
        const withheld = isNew ? this.#whyWithheld(of, nowS) : undefined;
        const place = { streamSeq: message.streamSeq, position: positions.next() };
        const step = service.takeIn({ decision, compact, withheld, known, nowS, ...place });
        together.add(step);
        const used = use === undefined ? undefined : this.#useOf(use, step, withheld);
        if (used !== undefined) broken.push(used.row);
        steps.push({ ...step, of, ...(used === undefined ? {} : { glass: used }) });
      } catch (thrown) {
        return { steps, stop: defect(thrown) };
      }
    }
    return { steps, stop: undefined };
  }

  #whyWithheld({ decision, superseded, message }: Proven, nowS: number): Withheld | undefined {
    if (decision.kind === "refusal") return undefined;
    if (superseded !== undefined) return { code: "policy_changed", fact: superseded };
    const late = breaksGlass(decision) ? notNow(decision, Math.floor(message.storedAtMs / 1000)) : undefined;
    const freezing = this.#options.glass.freezing(nowS);
    return late ?? (freezing === undefined ? undefined : whyFrozen(decision, freezing));
  }

  /** Whoever is to be woken is told of everything that is applied; of attempts as of garbage, whose number nothing bounds. */
  #useOf(decision: Broken, { kind, row }: IntakeStep, withheld: Withheld | undefined): GlassUse {
    const { alarms, positions } = this.#options;
    const { op, policy, decision: decided } = decision;
    const filed = { subject: row.subject, acceptedAtS: row.accepted_at, isRefused: kind !== "accept" };
    const glass = glassRowOf({ op, policy, rule: decided.rule, ...filed });
    const code = withheld?.code ?? "break_glass_used";
    const call = { code, message: describeUse(decision, glass, withheld), subject: row.subject };
    const text = kind === "accept" ? alarms.composeSurely(call) : alarms.compose(call);
    if (text === undefined) return { row: glass };
    return { row: glass, alarm: { id: `alarm:glass:${row.subject}`, row: { kind: "alarm", position: positions.next(), text } } };
  }

  async #takeIn(steps: readonly Step[]): Promise<void> {
    const { records, logger, metrics, tracer = noTracer, clock, onAccepted, onOutbox, glass } = this.#options;
    failpoint("controller.before-persist");
    await records.takeIn(steps);
    glass.add(steps.flatMap((step) => step.glass?.row ?? []));
    failpoint("controller.after-persist");
    failpoint("controller.before-ack");
    const acked = await Promise.all(steps.map(({ of }) => of.message.ackConfirmed()));
    failpoint("controller.after-ack");
    const entries: OutboxEntry[] = [];
    for (const [index, step] of steps.entries()) {
      const { decision, message } = step.of;
      const { subject } = step.row;
      if (step.kind === "accept" && decision.kind === "admission") onAccepted(step.row, decision.op);
      if (step.kind === "finish" || step.kind === "receipt") entries.push({ id: subject, row: step.outbox });
      if (step.glass?.alarm !== undefined) entries.push(step.glass.alarm);
      metrics.messages.add({ verdict: step.kind });
      if (step.kind === "finish") metrics.ops.add({ outcome: step.row.outcome });
      const jti = decision.op?.claims.jti;
      if (jti !== undefined && step.kind !== "receipt") {
        const times = { startMs: message.storedAtMs, endMs: clock.nowMs() };
        tracer.span({ jti, name: "controller.take-in", ...times, attributes: { verdict: step.kind } });
      }
      const about = { jti, subject, verdict: step.kind, streamSeq: message.streamSeq, acked: acked[index] };
      logger.info(about, "took in a message");
    }
    if (entries.length > 0) onOutbox(entries);
  }

  /** Undefined where the message is off the stream, else how often it was tried. */
  async #settleOther(message: WorkMessage, { kind, reason }: Stop): Promise<number | undefined> {
    if (kind === "broken") return await this.#reject(message, reason);
    const tries = this.#triesOf(message);
    if (kind === "later" || tries < this.#options.maxDeliveries) return await this.#wait(message, reason, tries);
    return await this.#reject(message, new TriplaneError("poisoned", `failed ${tries} times: ${reason.message}`, { cause: reason }));
  }

  /** Deliveries count, and so do the times that it was tried in its place. */
  #triesOf({ streamSeq, deliveries }: WorkMessage): number {
    const times = this.#waiting?.streamSeq === streamSeq ? this.#waiting.times + 1 : 0;
    this.#waiting = { streamSeq, times };
    return deliveries + times;
  }

  async #wait({ streamSeq }: WorkMessage, reason: TriplaneError, tries: number): Promise<number> {
    const { logger, alarms, metrics } = this.#options;
    metrics.messages.add({ verdict: "later" });
    logger.warn({ err: reason, streamSeq, tries }, "a message has to wait, and all behind it");
    if (tries >= TELL_AFTER)
      await alarms.tell({ code: reason.code, message: `the command stream waits at message ${streamSeq}: ${reason.message}` });
    return tries;
  }

  /** Evidence and alarm are on disk before the message goes. No record is signed: there is no op that anybody proved. */
  async #reject(message: WorkMessage, reason: TriplaneError): Promise<undefined> {
    const { service, records, alarms, metrics, onOutbox, logger } = this.#options;
    const { id, row } = service.reject(message.raw, message.streamSeq, reason);
    const text = alarms.compose({ code: reason.code, message: reason.message, subject: id });
    const alarm = text === undefined ? undefined : this.#alarmEntry(id, text);
    const isNew = await records.reject(id, row, alarm);
    await message.terminate(`${reason.code} ${id}`);
    if (isNew && alarm !== undefined) onOutbox([alarm]);
    metrics.messages.add({ verdict: reason.code });
    logger.error({ err: reason, digest: id, streamSeq: message.streamSeq }, "a message proved nothing and was taken off");
  }

  #alarmEntry(digest: string, text: string): OutboxEntry {
    return { id: `alarm:${digest}`, row: { kind: "alarm", position: this.#options.positions.next(), text } };
  }
}

function defect(thrown: unknown): Stop {
  const reason = toTriplaneError(thrown);
  if (isFatal(reason)) throw reason;
  // A database that does not answer is nothing that a message did.
  return { kind: reason.code === "unavailable" ? "later" : "defect", reason };
}

function isFatal(error: TriplaneError): boolean {
  return error.code === "store_commit_unknown";
}
