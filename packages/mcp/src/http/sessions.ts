// The sessions of the HTTP server: no more than so many, and none for ever.
//
// 1. A session that nobody used for a while ends; where all are in use, a new one is refused rather than an old one ended.
// 2. What a session asked for goes on without it: ops are in the outbox, runs are on disk.
import { type Clock, TriplaneError } from "@triplane/contract";

export interface Session {
  close(): Promise<void>;
}

export interface SessionsOptions {
  readonly clock: Clock;
  readonly max: number;
  readonly idleMs: number;
}

interface Held<S> {
  readonly session: S;
  /** Requests under way; a session with any is in use. */
  open: number;
  usedAtMs: number;
}

export class Sessions<S extends Session> {
  readonly #options: SessionsOptions;
  readonly #held = new Map<string, Held<S>>();
  /** Places that are taken by sessions that are being made. */
  #making = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Takes a place for a session to be made; give it back with `made` or `failed`. Throws `too_many_sessions`. */
  async reserve(): Promise<void> {
    await this.endIdle();
    if (this.#held.size + this.#making >= this.#options.max)
      throw new TriplaneError("too_many_sessions", `${this.#options.max} sessions are open`);
    this.#making += 1;
  }

  failed(): void {
    this.#making -= 1;
  }

  made(id: string, session: S): void {
    this.#making -= 1;
    this.#held.set(id, { session, open: 0, usedAtMs: this.#options.clock.nowMs() });
  }

  /** The session for a request, which is under way until `done` is called; undefined for an id that is not open. */
  use(id: string): { readonly session: S; done(): void } | undefined {
    const held = this.#held.get(id);
    if (held === undefined) return undefined;
    held.open += 1;
    held.usedAtMs = this.#options.clock.nowMs();
    let isDone = false;
    return {
      session: held.session,
      done: () => {
        if (isDone) return;
        isDone = true;
        held.open -= 1;
        held.usedAtMs = this.#options.clock.nowMs();
      },
    };
  }

  forget(id: string): void {
    this.#held.delete(id);
  }

  async endIdle(): Promise<void> {
    const { clock, idleMs } = this.#options;
    const idle = [...this.#held].filter(([, { open, usedAtMs }]) => open === 0 && clock.nowMs() - usedAtMs >= idleMs);
    await Promise.all(idle.map(([id, { session }]) => this.#end(id, session)));
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.#held].map(([id, { session }]) => this.#end(id, session)));
  }

  async #end(id: string, session: S): Promise<void> {
    this.#held.delete(id);
    await session.close();
  }
}
