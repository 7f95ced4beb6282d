// Alarms to people, rate-limited: whoever can send garbage must not be able to flood them.
import type { Bus } from "@triplane/bus";
import { type Alarm, aboutOp, type Clock, type FailureCode, nowSeconds, subjects } from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import type { ControllerMetrics } from "./metrics.ts";

const WINDOW_MS = 60_000;
const MAX_SENT_IN_WINDOW = 30;

export interface AlarmsOptions {
  readonly bus: Pick<Bus, "publish">;
  readonly workspace: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ControllerMetrics;
}

export interface AlarmCall {
  readonly code: FailureCode;
  readonly message: string;
  /** jti or digest of what it is about. */
  readonly subject?: string;
}

export class Alarms {
  readonly #options: AlarmsOptions;
  readonly #lastMs = new Map<FailureCode, number>();
  #windowStartMs = 0;
  #sentInWindow = 0;

  constructor(options: AlarmsOptions) {
    this.#options = options;
  }

  /** The alarm's text for the outbox; undefined where the last minute had too many already. Counted and logged in any case. */
  compose(call: AlarmCall): string | undefined {
    const alarm = this.#alarmOf(call);
    return this.#mayStillSend() ? JSON.stringify(alarm) : undefined;
  }

  #alarmOf(call: AlarmCall): Alarm {
    const { clock, logger, metrics, workspace } = this.#options;
    metrics.alarms.add({ code: call.code });
    const alarm: Alarm = {
      at: nowSeconds(clock),
      source: "ops-controller",
      code: call.code,
      message: call.message.slice(0, 1000),
      ...(call.subject === undefined ? {} : { subject: call.subject }),
    };
    logger.warn({ alarm, ...aboutOp(call.subject), workspace }, "alarm");
    return alarm;
  }

  /** The alarm's text, however many there were: for what nobody can send without being known. */
  composeSurely(call: AlarmCall): string {
    return JSON.stringify(this.#alarmOf(call));
  }

  /** Tells of a state that lasts, at most once a minute for each code. Never throws; a lost one is told again. */
  async tell(call: AlarmCall): Promise<void> {
    const { clock, logger, bus, workspace } = this.#options;
    const nowMs = clock.nowMs();
    const lastMs = this.#lastMs.get(call.code);
    if (lastMs !== undefined && nowMs - lastMs < WINDOW_MS) return;
    this.#lastMs.set(call.code, nowMs);
    const text = this.compose(call);
    if (text === undefined) return;
    try {
      await bus.publish(subjects(workspace).alarm, text);
    } catch (error) {
      this.#lastMs.delete(call.code);
      logger.error({ err: error, workspace }, "the alarm could not be published");
    }
  }

  #mayStillSend(): boolean {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#windowStartMs >= WINDOW_MS) {
      this.#windowStartMs = nowMs;
      this.#sentInWindow = 0;
    }
    this.#sentInWindow += 1;
    return this.#sentInWindow <= MAX_SENT_IN_WINDOW;
  }
}
