// Takes leases on: one step of a lease at a time, several leases at once.
//
// 1. What a step was to do is on disk before the provider hears of it, and what came of it before the next step. `runner-always-destroyed`
// 2. Destroying never gives up: it waits longer and tries again.
import { type FailureCode, failpoint, TriplaneError, toTriplaneError } from "@triplane/contract";
import type { ProviderCalls } from "./calls.ts";
import { centsLeft } from "./engine/admission.ts";
import { type CallKind, mayCall } from "./engine/budget.ts";
import { centsFor, costOf } from "./engine/cost.ts";
import type { LeaseRecord } from "./engine/lease.ts";
import { candidates, tierOf, UnavailableOffers } from "./engine/offers.ts";
import {
  asOf,
  ended,
  failedFor,
  nextStep,
  notFound,
  released,
  type Step,
  withAttempt,
  withoutServer,
  withRunner,
  withServer,
} from "./engine/steps.ts";
import { hostKeyOf } from "./host-key.ts";
import type { LeaseBook } from "./lease-book.ts";
import type { PoolParts } from "./ports.ts";
import type { Offer, Server, ServerSpec } from "./provider.ts";

/** Of a lease, while this pool runs. */
interface Work {
  isBusy: boolean;
  heartbeatAtS: number;
  notBeforeMs: number;
  /** Of the same step, one after another. */
  failures: number;
  lastFailure: string | undefined;
  /** Once the provider says that it runs. */
  address: Server["address"];
}

/** Creates that failed for no known reason, one after another, before a lease fails. */
const MAX_UNKNOWN_FAILURES = 4;

const KINDS: Readonly<Record<Step["do"], CallKind | undefined>> = {
  ...{ create: "create", look: "look", probe: "look", destroy: "destroy", end: undefined, release: undefined },
};

export class LeaseWorker {
  readonly #parts: PoolParts;
  readonly #book: LeaseBook;
  readonly #calls: ProviderCalls;
  readonly #wake: () => void;
  readonly #unavailable = new UnavailableOffers();
  readonly #works = new Map<string, Work>();
  readonly #running = new Set<Promise<void>>();
  readonly #signal: AbortSignal;
  /** Offers that creates under way have chosen and not stored yet: they are paid for as well. */
  readonly #chosen = new Map<string, Offer>();
  #tickedAtMs: number | undefined;

  constructor(parts: PoolParts, book: LeaseBook, calls: ProviderCalls, wake: () => void, signal: AbortSignal) {
    this.#parts = parts;
    this.#book = book;
    this.#calls = calls;
    this.#wake = wake;
    this.#signal = signal;
  }

  /** The holder showed itself. */
  heartbeat(id: string): void {
    this.#workOf(id).heartbeatAtS = this.#nowS();
  }

  /** To be looked at now: something has changed from outside. */
  hurry(id: string): void {
    this.#workOf(id).notBeforeMs = 0;
    this.#wake();
  }

  /** Begins what is due. */
  tick(): void {
    const nowMs = this.#parts.clock.nowMs();
    this.#forgiveSilence(nowMs);
    for (const lease of this.#book.live) {
      const work = this.#workOf(lease.id);
      // A clock that was set back does not make a lease wait for it to catch up.
      if (work.isBusy || (nowMs < work.notBeforeMs && work.notBeforeMs - nowMs <= 2000 * this.#parts.settings.maxBackoffS)) continue;
      const step = nextStep(lease, work.heartbeatAtS, this.#nowS(), this.#parts.settings);
      if (step === undefined || !this.#mayCall(step)) continue;
      work.isBusy = true;
      const running = this.#take(lease, step, work).finally(() => {
        work.isBusy = false;
        this.#running.delete(running);
        if (this.#book.get(lease.id) === undefined) this.#works.delete(lease.id);
        this.#wake();
      });
      this.#running.add(running);
    }
  }

  /** A pool that did not run, or whose clock was set, heard nobody: silence counts anew. */
  #forgiveSilence(nowMs: number): void {
    const sinceMs = nowMs - (this.#tickedAtMs ?? nowMs);
    this.#tickedAtMs = nowMs;
    if (sinceMs >= 0 && sinceMs <= 1000 * this.#parts.settings.heartbeatS) return;
    for (const work of this.#works.values()) work.heartbeatAtS = Math.floor(nowMs / 1000);
  }

  /** Resolves when nothing is being done. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #take(lease: LeaseRecord, step: Step, work: Work): Promise<void> {
    try {
      await this.#perform(lease, step, work);
      work.failures = 0;
    } catch (thrown) {
      work.failures += 1;
      work.lastFailure = toTriplaneError(thrown).message;
      const { maxBackoffS } = this.#parts.settings;
      this.#later(work, Math.min(maxBackoffS, 2 ** Math.min(work.failures - 1, 10)));
    }
  }

  async #perform(lease: LeaseRecord, step: Step, work: Work): Promise<void> {
    switch (step.do) {
      case "create":
        return await this.#create(lease, work);
      case "look":
        return await this.#look(lease, work);
      case "probe":
        return await this.#probe(lease, work);
      case "destroy":
        failpoint("pool.before-destroy");
        await this.#calls.destroy(step.serverId);
        failpoint("pool.after-destroy");
        return await this.#end(lease.id);
      case "end":
        return await this.#end(lease.id);
      case "release": {
        const why = work.lastFailure === undefined ? step.end.why : `${step.end.why}; the last failure was: ${work.lastFailure}`;
        await this.#book.change(lease.id, (now) => released(now, { ...step.end, why }));
      }
    }
  }

  async #create(lease: LeaseRecord, work: Work): Promise<void> {
    let image: string;
    let offer: Offer;
    try {
      image = (await this.#calls.golden(lease.key.platform)).id;
      offer = this.#choose(lease, await this.#calls.offers());
    } catch (thrown) {
      return await this.#refuseOrWait(lease, toTriplaneError(thrown), work);
    }
    this.#chosen.set(lease.id, offer);
    const attempt = (now: LeaseRecord): LeaseRecord => (now.state === "creating" ? withAttempt(now, offer, image, this.#nowS()) : now);
    const attempted = await this.#book.change(lease.id, attempt, "attempt").finally(() => this.#chosen.delete(lease.id));
    // It was given back meanwhile.
    if (attempted.state !== "creating") return;
    failpoint("pool.before-create");
    let server: Server;
    try {
      server = await this.#calls.create(this.#specOf(attempted, offer, image));
    } catch (thrown) {
      return await this.#afterFailedCreate(attempted, offer, toTriplaneError(thrown), work);
    }
    failpoint("pool.after-create");
    await this.#book.change(lease.id, (now) => withServer(now, server, this.#nowS()), "record");
  }

  async #afterFailedCreate(lease: LeaseRecord, offer: Offer, error: TriplaneError, work: Work): Promise<void> {
    // Whether it is there, or whose the name is, the next step looks up.
    if (error.code === "provider_unknown_outcome" || error.code === "provider_name_taken") return;
    await this.#book.change(lease.id, withoutServer, "record");
    if (error.code === "provider_unavailable") {
      this.#unavailable.add(offer, this.#nowS() + this.#parts.settings.unavailableForS);
      work.lastFailure = error.message;
      return;
    }
    return await this.#refuseOrWait(lease, error, work);
  }

  /** Nothing was made: fails the lease where waiting does not help, throws where it may. */
  async #refuseOrWait(lease: LeaseRecord, error: TriplaneError, work: Work): Promise<void> {
    const HOPELESS: readonly FailureCode[] = [
      ...(["provider_limit", "provider_denied", "provider_unavailable", "pool_cost_limit"] as const),
      ...(["golden_image_missing", "golden_image_old", "tier_not_offered"] as const),
    ];
    if (!HOPELESS.includes(error.code) && (error.code !== "provider_failed" || work.failures + 1 < MAX_UNKNOWN_FAILURES)) throw error;
    await this.#book.change(lease.id, (now) => released(now, failedFor(error.code, error.message)));
  }

  /** The first that is to be had and can be paid for. Throws `tier_not_offered`, `provider_unavailable`, `pool_cost_limit`. */
  #choose(lease: LeaseRecord, offers: readonly Offer[]): Offer {
    const { settings, provider } = this.#parts;
    const { billing } = provider.capabilities;
    const fitting = candidates(offers, { tier: lease.tier, platform: lease.key.platform });
    if (fitting.length === 0) throw new TriplaneError("tier_not_offered", `nothing is offered with the memory of ${lease.tier}`);
    const there = fitting.filter((offer) => !this.#unavailable.has(offer, this.#nowS()));
    if (there.length === 0)
      throw new TriplaneError(
        "provider_unavailable",
        `none of ${fitting.map(({ type, location }) => `${type} in ${location}`).join(", ")} is to be had now`,
      );
    const others = this.#book.live
      .filter(({ id }) => id !== lease.id)
      .map((each) => ({ ...each, offer: this.#chosen.get(each.id) ?? each.offer }));
    const spentCents = this.#book.spending.of(lease.tenant, this.#nowS());
    const left = centsLeft(lease.tenant, { live: others, spentCents, billing, limits: settings.limits });
    const offer = there.find((each) => left === undefined || centsFor(each, lease.ttlS, billing) <= left);
    if (offer === undefined)
      throw new TriplaneError("pool_cost_limit", `${lease.tenant} has ${left} cents left this month: too few for what is to be had`);
    return offer;
  }

  #specOf(lease: LeaseRecord, offer: Offer, image: string): ServerSpec {
    return {
      name: lease.id,
      labels: {
        ...{ "managed-by": "triplane", pool: this.#parts.settings.pool, lease: lease.id, tenant: lease.tenant },
        ...{ tier: tierOf(offer, lease.tier), expires: String(lease.expiresAtS) },
      },
      ...{
        offer,
        image,
        authorizedKey: lease.authorizedKey,
        hostKey: hostKeyOf(this.#parts.secret, lease.id),
        deadManAtS: lease.expiresAtS,
      },
    };
  }

  async #look(lease: LeaseRecord, work: Work): Promise<void> {
    const { settings } = this.#parts;
    const server = await this.#calls.find(lease.id);
    if (server === undefined) {
      await this.#book.change(lease.id, (now) => notFound(now, this.#nowS(), settings));
      if (lease.state === "releasing") this.#later(work, settings.probeEveryS);
      return;
    }
    const { labels } = server;
    if (labels?.lease === lease.id && labels.pool === settings.pool) {
      const offer = await this.#offerOf(server, lease);
      await this.#book.change(lease.id, (now) => withServer(now, server, this.#nowS(), offer), "record");
      return;
    }
    // The name is somebody else's, so that nothing of ours can come under it.
    await this.#book.change(lease.id, (now) =>
      released(withoutServer(now), failedFor("provider_name_taken", `the server ${lease.id} has other labels than ours`)),
    );
  }

  /** What an adopted server is: an earlier attempt may have made it. */
  async #offerOf({ offer: { type, location } }: Server, lease: LeaseRecord): Promise<Offer | undefined> {
    if (lease.offer?.type === type && lease.offer.location === location) return lease.offer;
    const offers = await this.#calls.offers().catch(() => []);
    return offers.find((offer) => offer.type === type && offer.location === location) ?? lease.offer;
  }

  async #probe(lease: LeaseRecord, work: Work): Promise<void> {
    work.address ??= await this.#addressOf(lease);
    if (work.address === undefined) {
      // Together the leases that boot ask about once a second.
      const booting = this.#book.live.filter(({ state }) => state === "booting").length;
      return this.#later(work, Math.max(this.#parts.settings.probeEveryS, booting));
    }
    const { address } = work;
    switch (await this.#parts.probe(address, lease.hostKey, this.#signal)) {
      case "not-yet":
        return this.#later(work, this.#parts.settings.probeEveryS);
      case "wrong-key": {
        const end = failedFor("runner_host_key", `${address.host}:${address.port} shows another host key than the runner was given`);
        await this.#book.change(lease.id, (now) => released(now, end));
        return;
      }
      case "ready": {
        work.heartbeatAtS = this.#nowS();
        const ready = await this.#book.change(lease.id, (now) => withRunner(now, address, this.#nowS()));
        if (ready.state === "ready") this.#parts.observer.spawned(this.#nowS() - lease.createdAtS);
      }
    }
  }

  /** Where it runs; undefined where it does not yet. */
  async #addressOf(lease: LeaseRecord): Promise<Server["address"]> {
    const server = await this.#calls.find(lease.id);
    if (server?.state === "running") return server.address;
    if (server?.state === "starting") return undefined;
    await this.lost(lease.id, server === undefined ? "it is not there any more" : `it is ${server.state}`);
    return undefined;
  }

  /** The runner of a live lease is not there: what may be left of it is destroyed all the same. */
  async lost(id: string, why: string): Promise<void> {
    await this.#book.change(id, (now) => released(asOf(now, this.#nowS()), failedFor("runner_lost", why)));
  }

  async #end(id: string): Promise<void> {
    const over = await this.#book.change(id, (now) => ended(now, this.#nowS()), "end");
    this.#parts.observer.ended(over, costOf(over, this.#nowS(), this.#parts.provider.capabilities.billing));
  }

  #mayCall(step: Step): boolean {
    const kind = KINDS[step.do];
    return kind === undefined || mayCall(kind, this.#parts.provider.budget(), this.#book.live.length, this.#nowS());
  }

  #later(work: Work, seconds: number): void {
    work.notBeforeMs = this.#parts.clock.nowMs() + seconds * 1000;
  }

  #workOf(id: string): Work {
    let work = this.#works.get(id);
    if (work === undefined) {
      work = { isBusy: false, heartbeatAtS: this.#nowS(), notBeforeMs: 0, failures: 0, lastFailure: undefined, address: undefined };
      this.#works.set(id, work);
    }
    return work;
  }

  #nowS(): number {
    return Math.floor(this.#parts.clock.nowMs() / 1000);
  }
}
