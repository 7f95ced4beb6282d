// Which offers will do, in which order, and which could not be had a moment ago.
import { TIER_SIZES, TIERS, type Tier } from "@triplane/contract";
import type { Offer } from "../provider.ts";

/** What a lease needs of an offer. */
export interface Need {
  readonly tier: Tier;
  readonly platform: Offer["platform"];
}

/** Offers with the memory of the tier at least, cheapest first, of those the smallest. Never one below. */
export function candidates(offers: readonly Offer[], need: Need): readonly Offer[] {
  return offers
    .filter((offer) => offer.platform === need.platform && offer.memoryMib >= TIER_SIZES[need.tier].memoryMib)
    .toSorted((a, b) => a.centsPerHour - b.centsPerHour || a.memoryMib - b.memoryMib);
}

/** The tier that an offer amounts to: never below the one that was asked for. */
export function tierOf(offer: Offer, asked: Tier): Tier {
  return TIERS.findLast((tier) => TIER_SIZES[tier].memoryMib <= offer.memoryMib && TIERS.indexOf(tier) >= TIERS.indexOf(asked)) ?? asked;
}

/** Offers that could not be had, until when they are left out. */
export class UnavailableOffers {
  readonly #untilS = new Map<string, number>();

  add(offer: Offer, untilS: number): void {
    this.#untilS.set(nameOf(offer), untilS);
  }

  has(offer: Offer, nowS: number): boolean {
    const untilS = this.#untilS.get(nameOf(offer));
    if (untilS === undefined) return false;
    if (nowS < untilS) return true;
    this.#untilS.delete(nameOf(offer));
    return false;
  }
}

function nameOf({ type, location }: Offer): string {
  return `${type} ${location}`;
}
