// SIGSTOP for longer than every time-out: the process wakes up in a world that went on without it.
import { DAEMONS } from "../arena.ts";
import { pick } from "../draw.ts";
import { anywhere, type Fault, holding } from "./fault.ts";

export const pause: Fault = {
  name: "pause",
  about: "SIGSTOP for longer than lease and ack wait (10 s)",
  holdMs: [11_000, 16_000],
  times: 2,
  needs: anywhere,
  inflict: async (arena, random) => {
    const victim = pick(random, DAEMONS);
    return await holding(arena, [victim], async () => {
      arena.cluster.pause(victim);
      return { what: `paused ${victim}`, undo: async () => arena.cluster.resume(victim) };
    });
  },
};

/** The mirror's ack wait is three times that of the others. */
export const longPause: Fault = {
  name: "long-pause",
  about: "SIGSTOP of the audit-mirror for longer than its ack wait (30 s)",
  holdMs: [32_000, 36_000],
  needs: anywhere,
  inflict: async (arena) =>
    await holding(arena, ["audit-mirror"], async () => {
      arena.cluster.pause("audit-mirror");
      return { what: "paused audit-mirror", undo: async () => arena.cluster.resume("audit-mirror") };
    }),
};
