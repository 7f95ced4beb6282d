// A connection with what is needed to use it, and the knowledge whether it stands right now.
//
// The client keeps requests that were made while a connection was down, or that it took down with it, until they time
// out. Here they wait for the connection to come back, and fail at once when it breaks under them.

import { errors, type NatsConnection } from "@nats-io/transport-node";
import { TriplaneError } from "@triplane/contract";
import { type Logger, sleep } from "@triplane/kit";
import { assertServerVersion } from "./check.ts";
import { translate } from "./errors.ts";
import { apiPrefix, type Identity, identityName, inboxPrefix } from "./identities.ts";

export class Link {
  readonly connection: NatsConnection;
  /** The only place where this identity may listen. */
  readonly inboxPrefix: string;
  /** What the JetStream API is called here. */
  readonly apiPrefix: string;
  /** How long one request may take. */
  readonly timeoutMs: number;
  /** Why the connection is closed for good, or undefined after an orderly close. */
  readonly closed: Promise<TriplaneError | undefined>;
  readonly #logger: Logger;
  /** Aborted when the present connection breaks. */
  #standing = new AbortController();
  /** Aborted when a broken connection is back, or closed for good. */
  #mended = new AbortController();
  #failure: TriplaneError | undefined;

  constructor(connection: NatsConnection, options: { readonly identity: Identity; readonly timeoutMs: number; readonly logger: Logger }) {
    this.connection = connection;
    this.inboxPrefix = inboxPrefix(options.identity);
    this.apiPrefix = apiPrefix(options.identity);
    this.timeoutMs = options.timeoutMs;
    this.#logger = options.logger.child({ identity: identityName(options.identity) });
    this.closed = this.#untilClosed();
    this.#watch().catch((error: unknown) => this.#logger.error({ err: error }, "the connection to NATS is no longer watched"));
  }

  /** Fires when the connection that stands now breaks. */
  get broken(): AbortSignal {
    return this.#standing.signal;
  }

  /** Waits until the connection stands. False if it does not in time; throws where it is closed for good. */
  async connected(withinMs: number, signal?: AbortSignal): Promise<boolean> {
    if (this.broken.aborted && !this.connection.isClosed()) await sleep(withinMs, signal, this.#mended.signal);
    if (this.connection.isClosed()) throw this.#failure ?? new TriplaneError("bus_unreachable", "the connection to NATS is closed");
    return !this.broken.aborted;
  }

  /** Makes one request while the connection stands. Throws `bus_unreachable` if it was never sent, else what the client throws. */
  async ask<T>(call: () => Promise<T>): Promise<T> {
    if (!(await this.connected(this.timeoutMs)))
      throw new TriplaneError("bus_unreachable", "the connection to NATS is broken and not back yet");
    const { broken } = this;
    return new Promise((resolve, reject) => {
      // As a time-out: what was sent may have arrived.
      const breaks = (): void => reject(new errors.TimeoutError());
      broken.addEventListener("abort", breaks, { once: true });
      call()
        .then(resolve, reject)
        .finally(() => broken.removeEventListener("abort", breaks));
    });
  }

  async #untilClosed(): Promise<TriplaneError | undefined> {
    const error = await this.connection.closed();
    if (error instanceof Error) this.#failure ??= translate(error, "stay connected to NATS");
    this.#standing.abort();
    this.#mended.abort();
    return this.#failure;
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === "disconnect") {
        this.#logger.warn({ server: status.server }, "the connection to NATS broke; restoring it");
        this.#mended = new AbortController();
        this.#standing.abort();
      } else if (status.type === "reconnect") {
        this.#logger.info({ server: status.server }, "the connection to NATS is back");
        if (await this.#isNewEnough()) {
          this.#standing = new AbortController();
          this.#mended.abort();
        }
      } else if (status.type === "error") {
        this.#logger.warn({ err: status.error }, "NATS reported an error");
      }
    }
  }

  /** A server that was replaced by an older one would lose what it confirms. */
  async #isNewEnough(): Promise<boolean> {
    try {
      assertServerVersion(this.connection.info?.version ?? "unknown");
      return true;
    } catch (error) {
      this.#failure = translate(error, "stay connected to NATS");
      this.#logger.error({ err: error }, "the NATS server was replaced by an older one");
      await this.connection.close();
      return false;
    }
  }
}
