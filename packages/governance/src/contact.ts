// Keeps a repository up to date from one remote, and knows when that last worked.
//
// 1. Contact is more than an answer: enough delegates to decide must come with the signed refs that are known here, or newer ones. A remote
//    that was emptied, or that shows only what was true once, is not contact.
// 2. A remote that does not change any more while the delegates move on elsewhere looks like one where nothing happened.
import { type Clock, type Random, TriplaneError, toTriplaneError } from "@triplane/contract";
import { sleep } from "@triplane/kit";
import { type RepositoryPin, verifyRepository } from "@triplane/ledger";
import { fetchNamespaces } from "./exchange.ts";
import { assertAddress } from "./remote.ts";

const TIMEOUT_MS = 20_000;

export interface RemoteContactOptions {
  readonly repoDir: string;
  readonly pin: RepositoryPin;
  /** Path or URL of the repository itself. */
  readonly address: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

export class RemoteContact {
  readonly #options: RemoteContactOptions;
  #atMs: number | undefined;
  #problem: TriplaneError | undefined;

  /** Throws `usage` for an address that is none. */
  constructor(options: RemoteContactOptions) {
    assertAddress(options.address);
    this.#options = options;
  }

  /** Milliseconds since 1970 of the last contact, undefined before the first. */
  get atMs(): number | undefined {
    return this.#atMs;
  }

  /** What was wrong at the last try. */
  get problem(): TriplaneError | undefined {
    return this.#problem;
  }

  /** One try; never throws. The time that counts is when it began: what came in may be that old. */
  async fetch(): Promise<void> {
    const { repoDir, pin, address, clock, random, signal } = this.#options;
    const beganMs = clock.nowMs();
    try {
      const taken = await fetchNamespaces(repoDir, pin, address, { random, signal, timeoutMs: TIMEOUT_MS, seen: new Map() });
      const { delegates, threshold } = await verifyRepository(repoDir, pin, { sigrefs: "tip" });
      const current = taken.filter(({ did, result }) => delegates.includes(did) && ["new", "moved", "same"].includes(result));
      if (current.length < threshold)
        throw new TriplaneError(
          "remote_failed",
          `the remote has up-to-date signed refs of ${current.length} delegates, ${threshold} decide`,
        );
      this.#atMs = beganMs;
      this.#problem = undefined;
    } catch (thrown) {
      this.#problem = toTriplaneError(thrown, "remote_failed");
    }
  }

  /** Tries again and again until the signal fires; tells each new problem once. */
  async follow(everyMs: number, tell: (problem: TriplaneError) => void): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      const before = this.#problem;
      await this.fetch();
      const now = this.#problem;
      if (now !== undefined && now.message !== before?.message && !signal.aborted) tell(now);
      await sleep(everyMs, signal);
    }
  }
}
