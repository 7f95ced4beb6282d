// Calls of the provider: each with a deadline, remembered for a moment where that is sound, failures in the table's words.
//
// 1. What does not answer in time may have happened: its outcome is unknown.
import { type Clock, TriplaneError } from "@triplane/contract";
import { goldenAge, goldenState } from "./golden.ts";
import type { PoolParts } from "./ports.ts";
import type { Image, Offer, Provider, Server, ServerSpec } from "./provider.ts";

/** Providers wait for actions of theirs in these two. */
const SLOW_CALL_MS = 330_000;
const CALL_MS = 60_000;
const REMEMBERED_S = 60;

export class ProviderCalls {
  readonly #provider: Provider;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #observer: PoolParts["observer"];
  #offers: { readonly atS: number; readonly value: readonly Offer[] } | undefined;
  #images: { readonly atS: number; readonly value: readonly Image[] } | undefined;
  readonly #golden: Readonly<Record<string, string>>;

  constructor(parts: Pick<PoolParts, "provider" | "clock" | "observer" | "settings">, signal: AbortSignal) {
    this.#provider = parts.provider;
    this.#clock = parts.clock;
    this.#observer = parts.observer;
    this.#signal = signal;
    this.#golden = parts.settings.golden;
  }

  async offers(): Promise<readonly Offer[]> {
    const atS = this.#nowS();
    if (this.#offers === undefined || atS - this.#offers.atS >= REMEMBERED_S || atS < this.#offers.atS)
      this.#offers = { atS, value: await this.#call("offers", CALL_MS, (signal) => this.#provider.offers(signal)) };
    return this.#offers.value;
  }

  /** The image that runners of a platform are made from now. Throws `golden_image_missing`, `golden_image_old`. */
  async golden(platform: Image["platform"]): Promise<Image> {
    const atS = this.#nowS();
    if (this.#images === undefined || atS - this.#images.atS >= REMEMBERED_S || atS < this.#images.atS)
      this.#images = { atS, value: await this.#call("images", CALL_MS, (signal) => this.#provider.images(this.#golden, signal)) };
    const images = this.#images.value.filter((image) => image.platform === platform);
    const image = goldenState(images, platform).current ?? images[0];
    if (image === undefined)
      throw new TriplaneError(
        "golden_image_missing",
        `${this.#provider.capabilities.name} has no image ${labelText(this.#golden)} for ${platform}`,
      );
    const { verdict, ageS } = goldenAge(image, atS);
    if (verdict === "too-old") throw new TriplaneError("golden_image_old", `image ${image.id} is ${Math.floor(ageS / 86_400)} days old`);
    return image;
  }

  create(spec: ServerSpec): Promise<Server> {
    return this.#call("create", SLOW_CALL_MS, (signal) => this.#provider.create(spec, signal));
  }

  find(name: string): Promise<Server | undefined> {
    return this.#call("find", CALL_MS, (signal) => this.#provider.find(name, signal));
  }

  list(pool: string): Promise<readonly Server[]> {
    return this.#call("list", SLOW_CALL_MS, (signal) => this.#provider.list(pool, signal));
  }

  destroy(id: string): Promise<void> {
    return this.#call("destroy", SLOW_CALL_MS, (signal) => this.#provider.destroy(id, signal));
  }

  async #call<T>(name: string, deadlineMs: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController();
    const over = Promise.withResolvers<never>();
    over.promise.catch(() => undefined);
    const giveUp = (why: string): void => {
      late.abort();
      over.reject(new TriplaneError("provider_unknown_outcome", `${name}: ${why}`));
    };
    const stop = (): void => giveUp("the pool stops");
    const timer = setTimeout(() => giveUp(`no answer within ${deadlineMs / 1000} s`), deadlineMs);
    this.#signal.addEventListener("abort", stop, { once: true });
    if (this.#signal.aborted) stop();
    try {
      return await Promise.race([call(late.signal), over.promise]);
    } catch (thrown) {
      // What a provider did not foresee says nothing of what happened.
      const error =
        thrown instanceof TriplaneError
          ? thrown
          : new TriplaneError("provider_unknown_outcome", `${name}: ${String(thrown)}`, { cause: thrown });
      this.#observer.providerFailed(name, error.code, error.message);
      throw error;
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener("abort", stop);
    }
  }

  #nowS(): number {
    return Math.floor(this.#clock.nowMs() / 1000);
  }
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}
