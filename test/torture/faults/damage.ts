// Files that are torn, cut off or have a bit turned while their owner is down. Required: it refuses to run, or somebody tells, or nothing is missing.
//
// 1. What the rows were before is compared with what they are after. Rows that are gone without the daemon or the checker saying so
//    are a violation of their own: silently wrong.
// 2. After any damage to a database it is taken away and rebuilt by replay; the ledger is put back from its replica, as a seed would.
import { cp, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { checkInvariants, sourcesOfHome } from "@triplane/checker";
import type { Random } from "@triplane/contract";
import { toolOrName } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import { type Arena, TRIPLANE } from "../arena.ts";
import { EVERYTHING } from "../claims.ts";
import { runProgram } from "../disks/program.ts";
import { below, pick } from "../draw.ts";
import { controllersDatabase, type Database, lastingRows, orchestratorsDatabase } from "./database.ts";
import { anywhere, type Fault, holding } from "./fault.ts";

// The engine may hang on what it finds; the daemon ends then, after ten seconds on a machine that has nothing else to do.
const REFUSAL_MS = 90_000;
const SILENT = "SILENTLY WRONG";

export const tornStore: Fault = {
  name: "torn-store",
  about: "a file of a database is cut off, zeroed in part, or has a bit turned, while its daemon is down",
  holdMs: [0, 0],
  needs: anywhere,
  inflict: async (arena, random) => {
    const database = pick(random, [controllersDatabase(arena), orchestratorsDatabase(arena)]);
    return await holding(arena, [EVERYTHING], async () => {
      const before = await eventually(() => lastingRows(database), {
        timeoutMs: 60_000,
        intervalMs: 500,
        what: "the rows before the damage",
      });
      await arena.cluster.stop(database.daemon);
      const damage = await damageOne(random, database.folder);
      const noticed = await whoNotices(arena, database, before);
      arena.tally.add(`damage: ${noticed}`);
      await arena.cluster.stop(database.daemon);
      // Off the daemon's disk, which would be full of them at the end of a long campaign.
      if (noticed === SILENT) await cp(database.folder, join(arena.world.folder, `damaged-${Date.now()}`), { recursive: true });
      await rm(database.folder, { recursive: true });
      await arena.recover();
      return { what: `${damage} of ${database.daemon}: ${noticed}` };
    });
  },
};

export const tornLedger: Fault = {
  name: "torn-ledger",
  about: "an object, a pack or a ref of the ledger is cut off or has a bit turned, while the mirror is down",
  holdMs: [0, 0],
  needs: anywhere,
  inflict: async (arena, random) =>
    await holding(arena, [EVERYTHING], async () => {
      await arena.cluster.stop("audit-mirror");
      const { ledgerDir, layout, folder } = arena.world;
      const replica = join(folder, `replica-${below(random, 2 ** 32)}`);
      await cp(ledgerDir, replica, { recursive: true, preserveTimestamps: true });
      const damage = await damageOne(random, ledgerDir);
      const verified = await runProgram(
        process.execPath,
        "--disable-warning=ExperimentalWarning",
        TRIPLANE,
        "ledger",
        "verify",
        "--full",
        "--home",
        layout.root,
      ).then(
        () => true,
        () => false,
      );
      arena.tally.add(`damage: ${verified ? "the ledger verifies all the same" : "verification tells"}`);
      for (const name of await readdir(ledgerDir)) await rm(join(ledgerDir, name), { recursive: true, force: true });
      await cp(replica, ledgerDir, { recursive: true, preserveTimestamps: true });
      await rm(replica, { recursive: true, force: true });
      await arena.cluster.launch("audit-mirror");
      return { what: `${damage} of the ledger: ${verified ? "it verified all the same" : "verification told"}` };
    }),
};

async function whoNotices(arena: Arena, database: Database, before: ReadonlySet<string>): Promise<string> {
  const { deaths } = arena.cluster;
  const deathsBefore = deaths.length;
  await arena.cluster.launch(database.daemon);
  const look = async () => {
    const rows = await lastingRows(database).catch(() => undefined);
    const ended = deaths.slice(deathsBefore).some(({ name }) => name === database.daemon);
    return rows ?? (ended && "refused");
  };
  const after = await eventually(look, { timeoutMs: REFUSAL_MS, intervalMs: 500 }).catch(() => "hangs" as const);
  if (after === "refused") return "the daemon refuses to run";
  if (after === "hangs") return "the daemon does not come up";
  const gone = [...before].filter((row) => !after.has(row));
  if (gone.length === 0) return "nothing is missing";
  const home = arena.world.layout.root;
  const report = await checkInvariants({ home, sources: await sourcesOfHome(home), nickel: await toolOrName("nickel") });
  const told = report.findings.filter(({ status, violations, why }) => status === "violated" && violations.length + why.length > 0);
  if (told.length > 0) return "the checker tells";
  arena.wrongs.push(`${gone.length} rows of ${database.daemon} are gone after damage, and nobody says so: ${gone.slice(0, 5).join(", ")}`);
  return SILENT;
}

/** Damages one file, mostly one of the newest, and says which and how. */
async function damageOne(random: Random, folder: string): Promise<string> {
  const all: { readonly path: string; readonly name: string; readonly size: number; readonly changedMs: number }[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size, mtimeMs } = await stat(path);
    // An own log and an empty file prove nothing.
    if (size > 0 && !/^LOG/.test(entry.name)) all.push({ path, name: path.slice(folder.length + 1), size, changedMs: mtimeMs });
  }
  const newest = all.toSorted((a, b) => b.changedMs - a.changedMs || (a.name < b.name ? -1 : 1)).slice(0, 6);
  const { path, name, size } = pick(random, newest);
  const file = await open(path, "r+");
  try {
    const kind = below(random, 3);
    if (kind === 0) {
      const keep = Math.max(0, size - 1 - below(random, Math.min(size, 4096)));
      await file.truncate(keep);
      return `cut ${size - keep} of ${size} bytes off ${name}`;
    }
    if (kind === 1) {
      const length = Math.min(4096, size);
      await file.write(Buffer.alloc(length), 0, length, size - length);
      return `zeroed the last ${length} bytes of ${name}`;
    }
    const at = below(random, size);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    byte.writeUInt8(byte.readUInt8(0) ^ (1 << below(random, 8)), 0);
    await file.write(byte, 0, 1, at);
    return `turned a bit at ${at} of ${name}`;
  } finally {
    await file.close();
  }
}
