// The orchestrator's database is what it was a while ago: a snapshot that somebody put back, or a disk that forgot what it had confirmed.
// It is whole, so the daemon runs on it. Required: it takes no op in, because it lacks a result that the controller has heard of. Nothing runs in
// the copy: that would be finished once more, before any caller can say anything.
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "@triplane/testkit";
import type { Arena } from "../arena.ts";
import { EVERYTHING } from "../claims.ts";
import { controllersDatabase, lastingRows, orchestratorsDatabase, type Row, rowsOf } from "./database.ts";
import { anywhere, type Fault, holding } from "./fault.ts";

const PATIENCE = { timeoutMs: 60_000, intervalMs: 250 };
/** For an op that is applied and recorded; where nobody orders any more, there is none. */
const HEAR = { timeoutMs: 15_000, intervalMs: 250 };

export const oldCopy: Fault = {
  name: "old-copy",
  about: "the orchestrator's database is put back to a copy of some ops before",
  holdMs: [2_000, 6_000],
  needs: anywhere,
  inflict: async (arena) =>
    await holding(arena, [EVERYTHING], async () => {
      const { folder } = orchestratorsDatabase(arena);
      const copy = join(arena.world.folder, `old-copy-${Date.now()}`);
      // On an empty database it would not start, which is another promise.
      await eventually(async () => (await revision(arena)) > 0, { ...PATIENCE, what: "a first change" });
      await arena.cluster.stop("ops-controller");
      await eventually(async () => !(await rowsOf(orchestratorsDatabase(arena))).some(isRunning), {
        ...PATIENCE,
        what: "the end of what runs",
      });
      await whileDown(arena, () => cp(folder, copy, { recursive: true }));
      await arena.cluster.launch("ops-controller");
      const atCopy = await revision(arena);
      const heard = await eventually(async () => above(atCopy, await revisionHeard(arena)), HEAR).catch(() => undefined);
      await whileDown(arena, async () => {
        await rm(folder, { recursive: true });
        await cp(copy, folder, { recursive: true });
        await rm(copy, { recursive: true });
      });
      const putBack = await revision(arena);
      const before = await ops(arena);
      const isOlder = heard !== undefined && heard > putBack;
      return {
        what: `put the database of orchestrator back to revision ${putBack}; ${heard === undefined ? "nothing had been" : `${heard} had been`} heard of`,
        undo: async () => {
          const taken = [...(await ops(arena))].filter((op) => !before.has(op));
          if (isOlder && taken.length > 0)
            arena.wrongs.push(
              `an orchestrator that was put back to revision ${putBack} took in ${taken.join(", ")}, though ${heard} had been heard of`,
            );
          if (isOlder) arena.tally.add("old copies that took nothing in", Number(taken.length === 0));
          await arena.cluster.stop("orchestrator");
          await rm(folder, { recursive: true });
          await arena.recover();
        },
      };
    }),
};

async function whileDown(arena: Arena, work: () => Promise<void>): Promise<void> {
  await arena.cluster.stop("orchestrator");
  await work();
  await arena.cluster.launch("orchestrator");
}

/** Names of the ops that the orchestrator has ever taken in. */
async function ops(arena: Arena): Promise<ReadonlySet<string>> {
  const rows = await eventually(() => lastingRows(orchestratorsDatabase(arena)), { ...PATIENCE, what: "the orchestrator's ops" });
  return new Set([...rows].filter((row) => row.startsWith("ops/")));
}

/** Of the orchestrator's state; 0 is none. */
async function revision(arena: Arena): Promise<number> {
  const rows = await eventually(() => rowsOf(orchestratorsDatabase(arena)), { ...PATIENCE, what: "the orchestrator's rows" });
  return Number(rows.find(({ table, id }) => table === "meta" && id === "workspace")?.document["revision"] ?? 0);
}

/** The highest that the controller has recorded. */
async function revisionHeard(arena: Arena): Promise<number> {
  const rows = await eventually(() => rowsOf(controllersDatabase(arena)), { ...PATIENCE, what: "the controller's rows" });
  return Math.max(0, ...rows.map(({ document }) => Number(document["revision"] ?? 0)));
}

function isRunning({ table, document }: Row): boolean {
  return table === "ops" && document["status"] === "running";
}

function above(least: number, value: number): number | undefined {
  return value > least ? value : undefined;
}
