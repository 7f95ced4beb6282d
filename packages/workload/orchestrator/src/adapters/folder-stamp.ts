// Whether a folder is what it was: names, sizes and times of all files in it, without reading one.
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "@triplane/kit";

// The clock of a file system ticks, and what is written within a tick bears one time.
const SETTLED_MS = 1000;

/** Undefined where there is no such folder, where it has more than `maxFiles` entries, or where it changed a moment ago. */
export function folderStamp(folder: string, maxFiles: number, nowMs: number): string | undefined {
  const lines: string[] = [];
  const pending = [""];
  try {
    for (let prefix = pending.pop(); prefix !== undefined; prefix = pending.pop()) {
      for (const entry of readdirSync(join(folder, prefix), { withFileTypes: true })) {
        const path = join(prefix, entry.name);
        const { ino, size, mtimeNs, ctimeNs } = lstatSync(join(folder, path), { bigint: true });
        if (entry.isDirectory()) pending.push(path);
        lines.push(`${entry.isFile() ? "f" : "o"} ${path} ${ino} ${size} ${mtimeNs} ${ctimeNs}`);
        if (lines.length > maxFiles || nowMs - Number(ctimeNs / 1_000_000n) < SETTLED_MS) return undefined;
      }
    }
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
  return lines.sort().join("\n");
}
