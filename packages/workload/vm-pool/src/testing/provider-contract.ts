// What every provider promises, as tests that run on each of them: real, simulated, or in front of a simulated cloud.
//
// 1. A failure other than `provider_unknown_outcome` means that nothing was made.
// 2. A name is there once; a destroyed server is nowhere; a stranger's server is never listed.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type FailureCode, TIER_SIZES, TriplaneError } from "@triplane/contract";
import type { Offer, Provider, Server, ServerLabels, ServerSpec } from "../provider.ts";
import { someHostKey } from "./host-keys.ts";

/** What a harness may be told to let happen once, to the next call that it concerns. */
export type ContractFault =
  /** The server is made; the caller does not hear of it. */
  | "create-answer-lost"
  /** Nothing of this offer is left. */
  | "create-unavailable"
  /** The account may not have one more. */
  | "create-limit"
  /** Rate limit, lock or maintenance. */
  | "create-busy"
  | "list-busy"
  /** The credentials are refused. */
  | "create-denied"
  /** The server stays. */
  | "destroy-fails";

/** One account (or machine) of its own for a case. Disposing leaves nothing. */
export interface ProviderHarness extends AsyncDisposable {
  readonly provider: Provider;
  /** Another provider over the same account, as the next start of the pool opens it. */
  reopen(): Promise<Provider>;
  /** Labels of a golden image that boots; at least one image has them. */
  readonly golden: Readonly<Record<string, string>>;
  /** By the provider's clock, seconds since 1970. */
  nowS(): number;
  /** Until a new server runs and has its address, at most. */
  readonly bootMs: number;
  /** Lets time pass, real or simulated. */
  pause(ms: number): Promise<void>;
  /** Makes a server that is not ours, without our labels; returns the provider's id of it. Absent where nobody else can have one. */
  stranger?(name: string): Promise<string>;
  /** Orders a fault; false where it cannot be provoked here: its case is skipped. */
  fault?(fault: ContractFault): Promise<boolean>;
}

const POOL = "pool-a";

/** A lease's name, other for each number. */
const nameOf = (number: number): string => `lease-0190000000007000${number.toString(16).padStart(16, "0")}`;

/** Registers the cases under `name`. */
export function providerContract(name: string, open: () => Promise<ProviderHarness>): void {
  const specOf = async (harness: ProviderHarness, number: number, more: Partial<ServerLabels> = {}): Promise<ServerSpec> => {
    const offer = smallest(await harness.provider.offers(never()));
    const image = (await harness.provider.images(harness.golden, never())).find(({ platform }) => platform === offer.platform);
    assert.ok(image !== undefined, `no golden image for ${offer.platform}`);
    const expires = harness.nowS() + 3600;
    const lease = nameOf(number);
    return {
      name: lease,
      labels: { "managed-by": "triplane", pool: POOL, lease, tenant: "default", tier: "cx22", expires: String(expires), ...more },
      ...{ offer, image: image.id, authorizedKey: someHostKey(1).public, hostKey: someHostKey(number), deadManAtS: expires },
    };
  };
  const create = async (harness: ProviderHarness, number: number, more: Partial<ServerLabels> = {}): Promise<Server> =>
    harness.provider.create(await specOf(harness, number, more), never());
  const listed = async (provider: Provider, pool = POOL): Promise<readonly string[]> =>
    (await provider.list(pool, never())).map((server) => server.name).sort();

  describe(`${name}: offers and images`, () => {
    it("offers: at least one holds the smallest tier, cheapest first, nothing senseless", async () => {
      await using harness = await open();
      const offers = await harness.provider.offers(never());
      assert.ok(offers.some((offer) => offer.memoryMib >= TIER_SIZES.cx22.memoryMib));
      const prices = offers.map((offer) => offer.centsPerHour);
      assert.deepEqual(
        prices,
        prices.toSorted((a, b) => a - b),
      );
      for (const offer of offers) {
        assert.ok(offer.type !== "" && offer.location !== "" && offer.cpus >= 1 && offer.memoryMib >= 1, JSON.stringify(offer));
        assert.equal(harness.provider.capabilities.billing === "none", offer.centsPerHour === 0);
      }
      assert.equal(new Set(offers.map((offer) => `${offer.type} ${offer.location}`)).size, offers.length);
    });

    it("images: by labels, newest first; none for labels that no image has", async () => {
      await using harness = await open();
      const images = await harness.provider.images(harness.golden, never());
      assert.ok(images.length >= 1);
      for (const image of images)
        for (const [key, value] of Object.entries(harness.golden)) assert.equal(image.labels[key], value, image.id);
      const times = images.map((image) => image.createdAtS);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => b - a),
      );
      assert.deepEqual(await harness.provider.images({ ...harness.golden, "no-such": "label" }, never()), []);
    });

    it("budget: absent, or within its limit", async () => {
      await using harness = await open();
      await harness.provider.list(POOL, never());
      const budget = harness.provider.budget();
      if (budget === undefined) return;
      assert.ok(Number.isSafeInteger(budget.limit) && budget.remaining >= 0 && budget.remaining <= budget.limit, JSON.stringify(budget));
      assert.ok(budget.fullAtS > 0);
    });
  });

  describe(`${name}: create`, () => {
    it("create: find and list have the server with its labels, also a provider that is opened anew", async () => {
      await using harness = await open();
      const spec = await specOf(harness, 1);
      const before = harness.nowS();
      const made = await harness.provider.create(spec, never());
      for (const provider of [harness.provider, await harness.reopen()]) {
        const found = await provider.find(spec.name, never());
        assert.ok(found !== undefined);
        assert.deepEqual([found.id, found.name, found.labels], [made.id, spec.name, spec.labels]);
        assert.deepEqual(found.offer, { type: spec.offer.type, location: spec.offer.location });
        assert.ok(found.state === "starting" || found.state === "running", found.state);
        assert.ok(found.createdAtS >= before - 1 && found.createdAtS <= harness.nowS() + 1, `${found.createdAtS}`);
        assert.deepEqual(await listed(provider), [spec.name]);
      }
    });

    it("create: runs in time and has an address then", async () => {
      await using harness = await open();
      const made = await create(harness, 1);
      const running = await until(harness, async () => {
        const server = await harness.provider.find(made.name, never());
        return server?.state === "running" && server.address !== undefined ? server : undefined;
      });
      assert.ok(running.address !== undefined);
      assert.match(running.address.host, /^[A-Za-z0-9.:-]+$/);
      assert.match(running.address.user, /^[a-z_][a-z0-9_-]*$/);
      assert.ok(running.address.port >= 1 && running.address.port <= 65_535);
      assert.deepEqual((await harness.provider.list(POOL, never()))[0]?.address, running.address);
    });

    it("create: a name that is there is provider_name_taken, and there is one server still", async () => {
      await using harness = await open();
      const made = await create(harness, 1);
      await rejects(create(harness, 1, { tenant: "other" }), "provider_name_taken");
      const servers = await harness.provider.list(POOL, never());
      assert.deepEqual(
        servers.map(({ id, labels }) => [id, labels?.tenant]),
        [[made.id, "default"]],
      );
    });

    it("create: the same name at once from two sides makes one server", async () => {
      await using harness = await open();
      const [spec, other] = [await specOf(harness, 1), await harness.reopen()];
      const results = await Promise.allSettled([harness.provider.create(spec, never()), other.create(spec, never())]);
      assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1, JSON.stringify(results));
      for (const result of results) if (result.status === "rejected") assertCode(result.reason, "provider_name_taken");
      assert.deepEqual(await listed(harness.provider), [spec.name]);
    });

    it("create: several at once are all there", async () => {
      await using harness = await open();
      await Promise.all([1, 2, 3].map((number) => create(harness, number)));
      assert.deepEqual(await listed(harness.provider), [1, 2, 3].map(nameOf));
    });

    it("create: the longest labels come back unchanged", async () => {
      await using harness = await open();
      const tenant = `t${"x-".repeat(30)}yz`;
      assert.equal(tenant.length, 63);
      const { name: made } = await create(harness, 1, { tenant });
      assert.equal((await harness.provider.find(made, never()))?.labels?.tenant, tenant);
    });

    it("create: an offer or an image that does not exist makes nothing", async () => {
      await using harness = await open();
      const spec = await specOf(harness, 1);
      const offer: Offer = { ...spec.offer, type: "no-such-type" };
      await rejects(harness.provider.create({ ...spec, offer }, never()), "provider_unavailable", "provider_failed");
      await rejects(harness.provider.create({ ...spec, image: "9999999" }, never()), "provider_failed");
      assert.deepEqual(await listed(harness.provider), []);
    });

    it("create: what is aborted before it begins made nothing, or says that it does not know", async () => {
      await using harness = await open();
      const spec = await specOf(harness, 1);
      const thrown: unknown = await harness.provider.create(spec, AbortSignal.abort()).catch((error: unknown) => error);
      assert.ok(thrown instanceof TriplaneError, String(thrown));
      if (thrown.code !== "provider_unknown_outcome") assert.deepEqual(await listed(harness.provider), []);
    });
  });

  describe(`${name}: find, list and destroy`, () => {
    it("find: a name that is not there is undefined", async () => {
      await using harness = await open();
      assert.equal(await harness.provider.find(nameOf(7), never()), undefined);
    });

    it("list: only this pool's servers", async () => {
      await using harness = await open();
      await create(harness, 1);
      await create(harness, 2, { pool: "pool-b" });
      assert.deepEqual([await listed(harness.provider), await listed(harness.provider, "pool-b")], [[nameOf(1)], [nameOf(2)]]);
      assert.deepEqual(await listed(harness.provider, "pool-c"), []);
    });

    it("list: never a stranger's server, and find shows it without labels", async (context) => {
      await using harness = await open();
      if (harness.stranger === undefined) return context.skip("nobody else can have a server here");
      const id = await harness.stranger("somebody-elses");
      assert.deepEqual(await listed(harness.provider), []);
      const found = await harness.provider.find("somebody-elses", never());
      assert.deepEqual([found?.id, found?.labels], [id, undefined]);
    });

    it("destroy: the server is gone for everybody, its name is free; again, and for what never was, it is done", async () => {
      await using harness = await open();
      const made = await create(harness, 1);
      await create(harness, 2);
      const other = await harness.reopen();
      await other.destroy(made.id, never());
      for (const provider of [harness.provider, other]) {
        assert.equal(await provider.find(made.name, never()), undefined);
        assert.deepEqual(await listed(provider), [nameOf(2)]);
        await provider.destroy(made.id, never());
      }
      const again = await create(harness, 1);
      assert.notEqual(again.id, made.id);
    });

    it("destroy: at once from two sides is done for both", async () => {
      await using harness = await open();
      const [made, other] = [await create(harness, 1), await harness.reopen()];
      await Promise.all([harness.provider.destroy(made.id, never()), other.destroy(made.id, never())]);
      assert.deepEqual(await listed(harness.provider), []);
    });

    it("destroy: a server that has not booted yet", async () => {
      await using harness = await open();
      for (const number of [1, 2]) await harness.provider.destroy((await create(harness, number)).id, never());
      await harness.pause(Math.min(harness.bootMs, 2000));
      assert.deepEqual(await listed(harness.provider), []);
    });
  });

  describe(`${name}: faults`, () => {
    const faulty = (fault: ContractFault, code: FailureCode, what: string, made: number): void => {
      it(`${fault}: ${what}`, async (context) => {
        await using harness = await open();
        const spec = await specOf(harness, 1);
        if ((await harness.fault?.(fault)) !== true) return context.skip("cannot be provoked here");
        await rejects(harness.provider.create(spec, never()), code);
        const found = await harness.provider.find(spec.name, never());
        assert.deepEqual([found?.labels, await listed(harness.provider)], made === 1 ? [spec.labels, [spec.name]] : [undefined, []]);
        if (made === 0) assert.equal((await harness.provider.create(spec, never())).name, spec.name);
      });
    };
    faulty("create-answer-lost", "provider_unknown_outcome", "the server is found by its name", 1);
    faulty("create-unavailable", "provider_unavailable", "nothing is made", 0);
    faulty("create-limit", "provider_limit", "nothing is made", 0);
    faulty("create-busy", "provider_busy", "nothing is made", 0);
    faulty("create-denied", "provider_denied", "nothing is made", 0);

    it("list-busy: is provider_busy and never a list that is too short", async (context) => {
      await using harness = await open();
      await create(harness, 1);
      if ((await harness.fault?.("list-busy")) !== true) return context.skip("cannot be provoked here");
      await rejects(harness.provider.list(POOL, never()), "provider_busy");
      assert.deepEqual(await listed(harness.provider), [nameOf(1)]);
    });

    it("destroy-fails: is told, the server stays, and the next one is done", async (context) => {
      await using harness = await open();
      const made = await create(harness, 1);
      if ((await harness.fault?.("destroy-fails")) !== true) return context.skip("cannot be provoked here");
      await assert.rejects(harness.provider.destroy(made.id, never()), (thrown) => thrown instanceof TriplaneError);
      assert.deepEqual(await listed(harness.provider), [made.name]);
      await harness.provider.destroy(made.id, never());
      assert.deepEqual(await listed(harness.provider), []);
    });
  });
}

/** A signal that never comes. */
function never(): AbortSignal {
  return new AbortController().signal;
}

function smallest(offers: readonly Offer[]): Offer {
  const [least] = offers.filter((offer) => offer.memoryMib >= TIER_SIZES.cx22.memoryMib).toSorted((a, b) => a.memoryMib - b.memoryMib);
  assert.ok(least !== undefined, "nothing holds the smallest tier");
  return least;
}

async function until<T>(harness: ProviderHarness, check: () => Promise<T | undefined>): Promise<T> {
  const STEPS = 100;
  for (let step = 0; step <= STEPS; step += 1) {
    const value = await check();
    if (value !== undefined) return value;
    await harness.pause(harness.bootMs / STEPS);
  }
  return assert.fail(`not within ${harness.bootMs} ms`);
}

async function rejects(promise: Promise<unknown>, ...codes: readonly FailureCode[]): Promise<void> {
  await assert.rejects(promise, (thrown) => {
    assertCode(thrown, ...codes);
    return true;
  });
}

function assertCode(thrown: unknown, ...codes: readonly FailureCode[]): void {
  const isOne = thrown instanceof TriplaneError && codes.includes(thrown.code);
  assert.ok(isOne, `not ${codes.join(" or ")}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
}
