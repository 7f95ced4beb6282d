// Packs what many small batches left, at a cost that does not grow with the ledger: a pack that is large is never written again.
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runGit } from "../git/index.ts";

/** A pack of this size is kept as it is. Rolling up geometrically would, every now and then, copy the whole ledger. */
const KEEP_BYTES = 64 * 1024 * 1024;

// Batches share next to nothing that compression has not found already, and looking for differences between them costs more than writing them did.
const CHEAPLY = ["-c", "core.bigFileThreshold=64k", "-c", "pack.window=4", "-c", "pack.threads=1"] as const;

export async function packSmall(repoDir: string): Promise<void> {
  const folder = join(repoDir, "objects", "pack");
  const names = await readdir(folder);
  for (const name of names) {
    const base = name.slice(0, -".pack".length);
    if (!name.endsWith(".pack") || names.includes(`${base}.keep`)) continue;
    if ((await stat(join(folder, name))).size >= KEEP_BYTES) await writeFile(join(folder, `${base}.keep`), "large enough\n");
  }
  await runGit(repoDir, [...CHEAPLY, "repack", "--quiet", "-d", "--geometric=2"]);
}
