// Alarms to people, best effort and rate-limited: whoever can send garbage must not be able to flood them.
import type { Bus } from "@triplane/bus";
import { type Alarm, aboutOp, type Clock, type FailureCode, nowSeconds, subjects } from "@triplane/contract";
import type { CounterMetric, Logger } from "@triplane/kit";

const THROTTLE_MS = 60_000;
const MAX_THROTTLES = 1024;

export interface AlarmCall {
  readonly code: FailureCode;
  readonly message: string;
  /** jti or digest of what it is about. */
  readonly subject?: string;
  /** At most one alarm a minute with the same value here. */
  readonly throttle?: string;
}

export class Alarms {
  readonly #bus: Bus;
  readonly #workspace: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #counted: CounterMetric | undefined;
  readonly #lastMs = new Map<string, number>();

  constructor(bus: Bus, workspace: string, clock: Clock, logger: Logger, counted?: CounterMetric) {
    this.#bus = bus;
    this.#workspace = workspace;
    this.#clock = clock;
    this.#logger = logger;
    this.#counted = counted;
  }

  /** Never throws. */
  async raise(call: AlarmCall): Promise<void> {
    if (this.#isTooSoon(call.throttle)) return;
    const alarm: Alarm = {
      at: nowSeconds(this.#clock),
      source: "keeper",
      code: call.code,
      message: call.message,
      ...(call.subject === undefined ? {} : { subject: call.subject }),
    };
    this.#counted?.add({ code: call.code });
    this.#logger.warn({ alarm, ...aboutOp(call.subject), workspace: this.#workspace }, "alarm");
    const text = JSON.stringify(alarm);
    try {
      await this.#bus.publish(subjects(this.#workspace).alarm, text);
    } catch (error) {
      this.#logger.error({ err: error, workspace: this.#workspace }, "the alarm could not be published");
    }
  }

  #isTooSoon(throttle: string | undefined): boolean {
    if (throttle === undefined) return false;
    const nowMs = this.#clock.nowMs();
    const lastMs = this.#lastMs.get(throttle);
    if (lastMs !== undefined && nowMs - lastMs < THROTTLE_MS) return true;
    if (this.#lastMs.size >= MAX_THROTTLES) this.#lastMs.clear();
    this.#lastMs.set(throttle, nowMs);
    return false;
  }
}
