// Types at places, as offers: what can be ordered now, and what it costs.
import { type Clock, TIER_SIZES } from "@triplane/contract";
import type { Offer } from "@triplane/vm-pool";
import type { ServerType } from "./client/answers.ts";

const PLATFORMS: Readonly<Record<string, Offer["platform"]>> = { x86: "linux/amd64", arm: "linux/arm64" };

/** Of the smallest tier: what is smaller is no runner, and its disk does not count. */
const BUILDER_MIB = TIER_SIZES.cx22.memoryMib;

export interface OfferRules {
  /** Where runners may be; none = anywhere. */
  readonly locations: readonly string[];
  /** Which CPUs: `shared`, `dedicated`; none = any. */
  readonly cpuTypes: readonly string[];
}

/** Cheapest first; where prices are equal, in the order of the places that were named, then by name. */
export function offersOf(types: readonly ServerType[], rules: OfferRules): readonly Offer[] {
  const rank = (location: string): number => {
    const at = rules.locations.indexOf(location);
    return at === -1 ? rules.locations.length : at;
  };
  return types
    .flatMap((type) => offersOfType(type, rules))
    .sort(
      (a, b) =>
        a.centsPerHour - b.centsPerHour ||
        rank(a.location) - rank(b.location) ||
        compare(a.type, b.type) ||
        compare(a.location, b.location),
    );
}

/** What a builder may be: of the types that runners may be, those with the smallest disk; an image fits no smaller one. */
export function builderOffers(types: readonly ServerType[], rules: OfferRules, platform: Offer["platform"]): readonly Offer[] {
  const diskOf = new Map(types.map(({ name, disk }) => [name, disk]));
  const offers = offersOf(types, rules).filter((offer) => offer.platform === platform && offer.memoryMib >= BUILDER_MIB);
  const smallest = Math.min(...offers.map(({ type }) => diskOf.get(type) ?? Number.POSITIVE_INFINITY));
  return offers.filter(({ type }) => diskOf.get(type) === smallest);
}

function offersOfType(type: ServerType, { locations, cpuTypes }: OfferRules): Offer[] {
  const platform = Object.hasOwn(PLATFORMS, type.architecture) ? PLATFORMS[type.architecture] : undefined;
  if (platform === undefined || (type.deprecation ?? undefined) !== undefined) return [];
  if (cpuTypes.length > 0 && !cpuTypes.includes(type.cpu_type)) return [];
  return type.locations.flatMap(({ name, available, deprecation }) => {
    const price = type.prices.find(({ location }) => location === name);
    if (!available || (deprecation ?? undefined) !== undefined || price === undefined) return [];
    if (locations.length > 0 && !locations.includes(name)) return [];
    const centsPerHour = Math.round(price.price_hourly.net * 1e8) / 1e6;
    return [{ type: type.name, location: name, cpus: type.cores, memoryMib: Math.floor(type.memory * 1024), platform, centsPerHour }];
  });
}

/** Offers that were not to be had a moment ago: they are left out for a while. */
export class Unavailable {
  readonly #clock: Clock;
  readonly #forMs: number;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock, forMs: number) {
    this.#clock = clock;
    this.#forMs = forMs;
  }

  remember({ type, location }: Pick<Offer, "type" | "location">): void {
    this.#until.set(`${type} ${location}`, this.#clock.nowMs() + this.#forMs);
  }

  without(offers: readonly Offer[]): readonly Offer[] {
    const nowMs = this.#clock.nowMs();
    for (const [key, untilMs] of this.#until) if (untilMs <= nowMs) this.#until.delete(key);
    return offers.filter(({ type, location }) => !this.#until.has(`${type} ${location}`));
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
