// What every golden image has so that a launcher can ask how much memory a build took: `runner-stats`, and the watcher that it reads from.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface ImageFile {
  /** Without a leading slash. */
  readonly path: string;
  readonly mode: number;
  readonly content: string;
}

const FILES = [
  ["watch-memory", "usr/libexec/triplane/watch-memory"],
  ["runner-stats", "usr/local/bin/runner-stats"],
] as const;

/** They read STEP_MEMORY_BYTES from /etc/triplane/runner.env, and steps are under the cgroup `buildkit`. */
export async function runnerStatsFiles(): Promise<readonly ImageFile[]> {
  const folder = join(import.meta.dirname, "../root");
  return await Promise.all(
    FILES.map(async ([source, path]) => ({ path, mode: 0o755, content: await readFile(join(folder, source), "utf8") })),
  );
}
