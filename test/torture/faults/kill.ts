// SIGKILL: a process is gone between two of its instructions, and started again.
import { DAEMONS } from "../arena.ts";
import { pick } from "../draw.ts";
import { SEAT_NAMES } from "../load/step.ts";
import { anywhere, type Fault, holding } from "./fault.ts";

// A database lives in its process, so killing that is killing the database.
const VICTIMS = [...DAEMONS, ...SEAT_NAMES];

export const kill: Fault = {
  name: "kill",
  about: "SIGKILL of a daemon (and its database), of nats-server, or of a submitter",
  holdMs: [0, 0],
  times: 4,
  needs: anywhere,
  inflict: async (arena, random) => {
    const victim = pick(random, VICTIMS);
    return await holding(arena, [victim], async () => {
      const seat = SEAT_NAMES.find((name) => name === victim);
      if (seat === undefined) await arena.cluster.kill(victim);
      else await arena.seats.get(seat)?.kill();
      return { what: `killed ${victim}` };
    });
  },
};
