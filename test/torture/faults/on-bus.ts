// Publishing with the credential of whoever may publish in a place: a daemon's or a person's that was stolen.
import type { Bus } from "@triplane/bus";
import { connectAs } from "@triplane/cli";
import { TriplaneError } from "@triplane/contract";
import { systemClock, systemRandom } from "@triplane/kit";
import type { Arena } from "../arena.ts";

export const PLACES = ["pending", "cmd", "audit"] as const;
export type Place = (typeof PLACES)[number];

/** False where the bus was away, from the beginning or in the middle of the work: other faults go on meanwhile. */
export async function onBus(arena: Arena, place: Place, work: (bus: Bus) => Promise<void>): Promise<boolean> {
  const { layout, workspace } = arena.world;
  let bus: Bus | undefined;
  try {
    bus = await connectAs(credentialFor(place), layout, workspace, { clock: systemClock, random: systemRandom });
    await work(bus);
    return true;
  } catch (error) {
    if (error instanceof TriplaneError) return false;
    throw error;
  } finally {
    await bus?.close();
  }
}

function credentialFor(place: Place) {
  if (place === "pending") return { role: "approver", principal: "ana" } as const;
  return { role: place === "cmd" ? "keeper" : "controller" } as const;
}
