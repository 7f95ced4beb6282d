// One daemon's wall clock differs from that of the others, and jumps back at the end.
import { between, chance, pick } from "../draw.ts";
import { anywhere, type Fault, holding } from "./fault.ts";

const VICTIMS = ["keeper-daemon", "ops-controller", "audit-mirror", "orchestrator", "people", "robots"] as const;

export const clockSkew: Fault = {
  name: "clock-skew",
  about: "a daemon's or a submitter's wall clock is up to two minutes off (nats-server has none to set)",
  holdMs: [5_000, 20_000],
  needs: anywhere,
  inflict: async (arena, random) => {
    const victim = pick(random, VICTIMS);
    // Mostly within what a policy tolerates, and sometimes far beyond.
    const offsetMs = (chance(random, 70) ? between(random, 1, 25) : between(random, 40, 120)) * (chance(random, 50) ? 1000 : -1000);
    return await holding(arena, [`clock of ${victim}`], async () => {
      await arena.cluster.skew(victim, offsetMs);
      return { what: `set the clock of ${victim} off by ${offsetMs / 1000} s`, undo: () => arena.cluster.skew(victim, 0) };
    });
  },
};
