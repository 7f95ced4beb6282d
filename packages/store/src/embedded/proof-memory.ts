// Remembers that durability was proven, for as long as nothing changes that the proof speaks of: this build of the engine under this
// Node, these settings, this mount, this run of the kernel.
//
// 1. A file of the user's cache whose name is the digest of all that; what cannot be told, or is not the user's own, is not remembered.
// 2. A run of the kernel has a folder, which replaces those of earlier ones.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, type Environment } from "@triplane/kit";

const FOLDER = "durability";
const PLACES = { bootId: "/proc/sys/kernel/random/boot_id", mounts: "/proc/self/mountinfo" } as const;

export interface ProofMemory {
  /** Whether the same was proven before. */
  holds(): Promise<boolean>;
  /** Never throws: what is not remembered is proven again. */
  keep(): Promise<void>;
}

export interface ProofFacts {
  /** Of what runs and with what settings: anything that is JSON. */
  readonly engine: unknown;
  /** As proc(5) has them; other ones for tests. */
  readonly places?: { readonly bootId: string; readonly mounts: string };
}

/** Undefined where it cannot be told what was proven: no Linux, or no folder for it. */
export async function proofMemory(folder: string, facts: ProofFacts, env: Environment = process.env): Promise<ProofMemory | undefined> {
  const places = facts.places ?? PLACES;
  try {
    const bootId = (await readFile(places.bootId, "utf8")).trim();
    const mount = mountOf(await realpath(folder), await readFile(places.mounts, "utf8"));
    if (!/^[0-9a-f-]{36}$/.test(bootId) || mount === undefined) return undefined;
    const all = { engine: facts.engine, node: process.versions, mount, device: (await stat(folder)).dev };
    const name = createHash("sha256").update(JSON.stringify(all)).digest("hex");
    const boots = join(cacheFolder(env), FOLDER);
    const file = join(boots, bootId, name);
    return { holds: () => isOwn(file), keep: () => keep(boots, bootId, file).catch(() => undefined) };
  } catch {
    return undefined;
  }
}

/** The engine's files and what it is told: whatever of them changes is proven anew. */
export async function engineFacts(settings: Readonly<Record<string, string>>): Promise<object> {
  const folder = dirname(fileURLToPath(import.meta.resolve("@surrealdb/node")));
  const files = await Promise.all(
    (await readdir(folder)).sort().map(async (name) => {
      const { size, mtimeMs, ino } = await stat(join(folder, name));
      return [name, size, mtimeMs, ino];
    }),
  );
  return { folder, files, settings: Object.entries(settings).sort() };
}

/** The line of the mount that a path is on; the last one at a mount point hides those before it. */
function mountOf(path: string, mounts: string): string | undefined {
  let found: { readonly point: string; readonly line: string } | undefined;
  for (const line of mounts.split("\n")) {
    const point = line.split(" ")[4]?.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    if (point === undefined || relative(point, path).startsWith("..")) continue;
    if (found === undefined || point.length >= found.point.length) found = { point, line };
  }
  return found?.line;
}

/** What somebody else may write says nothing. */
async function isOwn(file: string): Promise<boolean> {
  const uid = process.getuid?.();
  for (const path of [file, dirname(file)]) {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || found.uid !== uid || (found.mode & 0o022) !== 0) return false;
  }
  return true;
}

async function keep(boots: string, bootId: string, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, "", { mode: 0o600 });
  for (const name of await readdir(boots)) if (name !== bootId) await rm(join(boots, name), { recursive: true, force: true });
}
