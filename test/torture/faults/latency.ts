// Slow links: every piece arrives late, by another delay each.
import { LINKS } from "../arena.ts";
import { below, between, sample } from "../draw.ts";
import { anywhere, type Fault, holding } from "./fault.ts";

export const latency: Fault = {
  name: "latency",
  about: "some links deliver late, by up to 0.8 s",
  holdMs: [5_000, 20_000],
  needs: anywhere,
  inflict: async (arena, random) => {
    const names = sample(random, LINKS, between(random, 1, LINKS.length));
    const mostMs = between(random, 20, 800);
    return await holding(arena, names, async () => {
      const links = names.map((name) => arena.link(name));
      for (const link of links) link.delay(() => below(random, mostMs));
      return {
        what: `slowed ${names.length} links down by up to ${mostMs} ms`,
        undo: async () => {
          for (const link of links) link.heal();
        },
      };
    });
  },
};
