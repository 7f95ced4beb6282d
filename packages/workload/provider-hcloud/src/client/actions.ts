// Waiting for actions: one poll asks for all that anybody waits for, up to 25 at once.
//
// 1. An action that is not there any more ends the wait.
// 2. A poll that fails is not the action's failure: it is asked again until the deadline.
import { type Clock, TriplaneError } from "@triplane/contract";
import { type Logger, sleep } from "@triplane/kit";
import { type Action, actionSchema } from "./answers.ts";
import type { HcloudClient } from "./client.ts";

export interface ActionsOptions {
  readonly client: HcloudClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** First pause between polls; it grows to five times that. */
  readonly pollMs: number;
  /** Longest wait. */
  readonly deadlineMs: number;
}

export type ActionEnd = Action | "gone" | "late";

interface Waiting {
  end(action: ActionEnd): void;
  readonly untilMs: number;
}

const MAX_IDS = 25;
const POLL_TIMEOUT_MS = 60_000;

export class ActionWaiter {
  readonly #options: ActionsOptions;
  readonly #waiting = new Map<number, Waiting[]>();
  #polling = false;
  #pauseMs: number;

  constructor(options: ActionsOptions) {
    this.#options = options;
    this.#pauseMs = options.pollMs;
  }

  /** How each ended, in order. Throws `provider_unknown_outcome` when the signal aborts first. */
  async wait(actions: readonly Action[], signal: AbortSignal): Promise<readonly ActionEnd[]> {
    return await Promise.all(actions.map((action) => (action.status === "running" ? this.#join(action.id, signal) : action)));
  }

  #join(id: number, signal: AbortSignal): Promise<ActionEnd> {
    return new Promise((resolve, reject) => {
      const untilMs = this.#options.clock.nowMs() + this.#options.deadlineMs;
      const waiting: Waiting = {
        untilMs,
        end: (action) => {
          signal.removeEventListener("abort", onAbort);
          resolve(action);
        },
      };
      const onAbort = (): void => {
        this.#leave(id, waiting);
        reject(new TriplaneError("provider_unknown_outcome", `the wait for action ${id} was given up`));
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), waiting]);
      this.#pauseMs = this.#options.pollMs;
      if (!this.#polling) void this.#poll();
    });
  }

  #leave(id: number, waiting: Waiting): void {
    const rest = (this.#waiting.get(id) ?? []).filter((each) => each !== waiting);
    if (rest.length === 0) this.#waiting.delete(id);
    else this.#waiting.set(id, rest);
  }

  /** Runs as long as anybody waits. Never rejects. */
  async #poll(): Promise<void> {
    const { pollMs } = this.#options;
    this.#polling = true;
    while (this.#waiting.size > 0) {
      await sleep(this.#pauseMs);
      this.#pauseMs = Math.min(this.#pauseMs * 1.5, pollMs * 5);
      const ids = [...this.#waiting.keys()];
      for (let from = 0; from < ids.length; from += MAX_IDS) await this.#look(ids.slice(from, from + MAX_IDS));
    }
    this.#polling = false;
  }

  async #look(ids: readonly number[]): Promise<void> {
    const { client, clock, logger } = this.#options;
    try {
      const query = ids.map((id) => ["id", String(id)] as const);
      const found = await client.list("/actions", "actions", actionSchema, query, AbortSignal.timeout(POLL_TIMEOUT_MS));
      for (const id of ids) {
        const action = found.find((each) => each.id === id);
        if (action === undefined) this.#end(id, "gone");
        else if (action.status !== "running") this.#end(id, action);
      }
    } catch (error) {
      logger.warn({ err: error, actions: ids.length }, "actions could not be asked for");
    }
    const nowMs = clock.nowMs();
    for (const id of ids) {
      for (const waiting of this.#waiting.get(id) ?? []) {
        if (waiting.untilMs > nowMs) continue;
        this.#leave(id, waiting);
        waiting.end("late");
      }
    }
  }

  #end(id: number, action: ActionEnd): void {
    const all = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const waiting of all) waiting.end(action);
  }
}
