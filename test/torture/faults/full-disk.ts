// A disk is full: whatever is written now fails, until somebody makes room.
import { DISKS, type DiskName } from "../arena.ts";
import { whyNoDisks } from "../disks/loop-disk.ts";
import { pick } from "../draw.ts";
import { type Fault, holding } from "./fault.ts";

const HOLDERS: Readonly<Record<DiskName, readonly string[]>> = {
  "nats-server": ["nats-server"],
  "ops-controller": ["ops-controller"],
  orchestrator: ["orchestrator"],
  ledger: ["audit-mirror"],
  outbox: ["people", "robots"],
};

export const fullDisk: Fault = {
  name: "full-disk",
  about: "no space left under the streams, a database, the ledger or the outboxes",
  holdMs: [3_000, 10_000],
  times: 2,
  needs: whyNoDisks,
  inflict: async (arena, random) => {
    const name = pick(random, DISKS);
    const disk = arena.disk(name);
    return await holding(arena, HOLDERS[name], async () => {
      await disk.fill();
      return {
        what: `filled the disk of ${name}`,
        undo: async () => {
          await disk.free();
          // nats-server from 2.14 on freezes a stream that it could not write and says that it wants a restart.
          if (name === "nats-server") {
            await arena.cluster.stop(name);
            await arena.cluster.launch(name);
          }
        },
      };
    });
  },
};
