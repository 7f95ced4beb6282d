// The power goes: what nobody had synced to disk is lost, with the process that wrote it.
import { type Arena, DISKS, type DiskName } from "../arena.ts";
import { whyNoDisks } from "../disks/loop-disk.ts";
import { pick } from "../draw.ts";
import { SEAT_NAMES } from "../load/step.ts";
import { type Fault, holding } from "./fault.ts";

/** Who writes to a disk, and so loses power with it. */
const OWNERS: Readonly<Record<DiskName, readonly string[]>> = {
  "nats-server": ["nats-server"],
  "ops-controller": ["ops-controller"],
  orchestrator: ["orchestrator"],
  ledger: ["audit-mirror"],
  outbox: SEAT_NAMES,
};
const WORKLOAD: readonly DiskName[] = ["nats-server", "ops-controller", "orchestrator", "ledger"];

export const powerCut: Fault = {
  name: "power-cut",
  about: "a disk loses its power with the process on it: ext4 shut down without flushing, remounted, journal replayed",
  holdMs: [200, 3_000],
  times: 3,
  needs: whyNoDisks,
  inflict: async (arena, random) => await cutPower(arena, [pick(random, DISKS)]),
};

export const machinePowerCut: Fault = {
  name: "machine-power-cut",
  about: "the whole workload plane loses its power at once",
  holdMs: [200, 3_000],
  needs: whyNoDisks,
  inflict: async (arena) => await cutPower(arena, WORKLOAD),
};

async function cutPower(arena: Arena, disks: readonly DiskName[]) {
  const victims = disks.flatMap((disk) => OWNERS[disk]);
  const daemons = victims.filter((name) => !(SEAT_NAMES as readonly string[]).includes(name));
  const seats = SEAT_NAMES.filter((name) => victims.includes(name)).flatMap((name) => arena.seats.get(name) ?? []);
  return await holding(arena, victims, async () => {
    // Stopped first: a machine without power executes nothing, so nobody may see its disk fail.
    for (const name of daemons) {
      arena.cluster.keepRunning(name, false);
      arena.cluster.pause(name);
    }
    for (const seat of seats) seat.signal("SIGSTOP");
    for (const disk of disks) await arena.disk(disk).cut();
    for (const name of daemons) await arena.cluster.kill(name);
    for (const seat of seats) await seat.kill({ keep: false });
    for (const disk of disks) for (const pid of await arena.disk(disk).holders()) killIfThere(pid);
    for (const disk of disks) await arena.disk(disk).remount();
    arena.tally.add("disks without power", disks.length);
    return {
      what: `power cut of ${disks.join(", ")}`,
      undo: async () => {
        for (const name of daemons) arena.cluster.keepRunning(name, true);
        for (const seat of seats) seat.start();
      },
    };
  });
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
