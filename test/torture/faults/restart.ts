// SIGTERM and a new start, as an update does it.
import { DAEMONS } from "../arena.ts";
import { pick } from "../draw.ts";
import { anywhere, type Fault, holding } from "./fault.ts";

export const restart: Fault = {
  name: "restart",
  about: "SIGTERM of a daemon or of nats-server, down for a while, started again",
  holdMs: [0, 6_000],
  needs: anywhere,
  inflict: async (arena, random) => {
    const victim = pick(random, DAEMONS);
    return await holding(arena, [victim], async () => {
      await arena.cluster.stop(victim);
      return { what: `stopped ${victim}`, undo: () => arena.cluster.launch(victim) };
    });
  },
};
