// What cargo has downloaded: `.crate` files, and the lines of the index that belong to them. Nothing is believed but what has the lock file's checksum.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { indexPath } from "../names.ts";
import type { LockedCrate } from "./cargo-lock.ts";

export interface DownloadedCrate {
  readonly crate: Uint8Array;
  /** The version's line of the index, as its registry wrote it. */
  readonly line: string;
}

/** The crate as it lies in cargo's home, or why it does not. */
export async function readDownloaded(cargoHome: string, locked: LockedCrate): Promise<DownloadedCrate | string> {
  const registry = join(cargoHome, "registry");
  const file = `${locked.name}-${locked.version}.crate`;
  let why = `${file} is not in ${join(registry, "cache")}`;
  for (const place of await readdir(join(registry, "cache")).catch(() => [])) {
    const crate = await readFile(join(registry, "cache", place, file)).catch(() => undefined);
    if (crate === undefined) continue;
    if (createHash("sha256").update(crate).digest("hex") !== locked.checksum) {
      why = `${file} is not the file of the lock: its SHA-256 is another one`;
      continue;
    }
    const index = await readFile(join(registry, "index", place, ".cache", indexPath(locked.name))).catch(() => undefined);
    const line = index === undefined ? undefined : lineOf(index, locked.checksum);
    if (line !== undefined) return { crate, line };
    why = `${locked.name} is not in cargo's copy of the index: cargo fetch makes one`;
  }
  return why;
}

/** cargo's cache of an index file: a header, and then for each version its number and its line, all ended by NUL (cargo's cache version 3). */
function lineOf(index: Uint8Array, checksum: string): string | undefined {
  if (index[0] !== 3) return undefined;
  const lines = Buffer.from(index).toString("utf8").split("\0");
  return lines.find((line) => line.startsWith("{") && line.includes(`"${checksum}"`));
}
