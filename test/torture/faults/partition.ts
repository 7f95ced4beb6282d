// Planes that cannot reach each other: bytes are held back, in one direction or both, or connections are reset and refused.
import type { LinkName } from "../arena.ts";
import { pick } from "../draw.ts";
import { anywhere, type Fault, holding } from "./fault.ts";

const CUTS: Readonly<Record<string, readonly LinkName[]>> = {
  "the signing plane from the bus": ["keeper-daemon to nats-server"],
  "the ops-controller from the bus": ["ops-controller to nats-server"],
  "the audit-mirror from the bus": ["audit-mirror to nats-server"],
  "the ops-controller from the orchestrator": ["ops-controller to orchestrator"],
  "people from the workload plane": ["people to nats-server", "people to orchestrator"],
  "the CI plane from the workload plane": ["robots to nats-server", "robots to orchestrator"],
  "the bus from everybody": [
    "keeper-daemon to nats-server",
    "ops-controller to nats-server",
    "audit-mirror to nats-server",
    "people to nats-server",
    "robots to nats-server",
  ],
};
const STYLES = ["both ways", "requests only", "answers only", "refused"] as const;

export const partition: Fault = {
  name: "partition",
  about: "a cutting proxy between processes: both ways, one way, or refused",
  holdMs: [2_000, 25_000],
  times: 4,
  needs: anywhere,
  inflict: async (arena, random) => {
    const whom = pick(random, Object.keys(CUTS));
    const style = pick(random, STYLES);
    const names = CUTS[whom] ?? [];
    return await holding(arena, names, async () => {
      const links = names.map((name) => arena.link(name));
      for (const link of links) {
        if (style === "refused") link.refuse();
        else link.cut(style === "both ways" ? ["up", "down"] : style === "requests only" ? ["up"] : ["down"]);
      }
      return {
        what: `cut ${whom}, ${style}`,
        undo: async () => {
          for (const link of links) link.heal();
        },
      };
    });
  },
};
