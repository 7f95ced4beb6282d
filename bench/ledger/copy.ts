// A copy of a measured ledger that may be changed: packs, which never change, are linked.
import { cpSync, linkSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { LedgerFixture } from "./fixture.ts";

export function copyLedger(ledger: LedgerFixture, folder: string): LedgerFixture {
  const repoDir = join(folder, basename(ledger.repoDir));
  copy(ledger.repoDir, repoDir);
  return { ...ledger, repoDir };
}

function copy(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copy(source, target);
    else if (/^pack-.*\.(?:pack|idx|rev)$/.test(entry.name)) linkOrCopy(source, target);
    else cpSync(source, target);
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    cpSync(source, target);
  }
}

/** Bytes of a repository's packs. */
export function packedBytes(repoDir: string): number {
  const folder = join(repoDir, "objects", "pack");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".pack") || name.endsWith(".idx"))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
