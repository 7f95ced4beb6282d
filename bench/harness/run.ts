// Runs rows one after the other, each with folders that are gone afterwards, and never lets one row's failure hide the others.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Line, Row, RowContext } from "./row.ts";

export interface RowOutcome {
  readonly id: string;
  readonly summary: string;
  readonly lines: readonly Line[];
  readonly seconds: number;
  /** Why there are no lines. */
  readonly failure: string | undefined;
}

export interface RunOptions extends Omit<RowContext, "temporary" | "progress"> {
  readonly say: (line: string) => void;
}

export async function runRows(rows: readonly Row[], options: RunOptions): Promise<readonly RowOutcome[]> {
  await mkdir(options.cacheDir, { recursive: true });
  const outcomes: RowOutcome[] = [];
  for (const row of rows) {
    if (options.signal.aborted) break;
    outcomes.push(await runRow(row, options));
  }
  return outcomes;
}

async function runRow(row: Row, options: RunOptions): Promise<RowOutcome> {
  const { say } = options;
  const startedMs = performance.now();
  const folders: string[] = [];
  const context: RowContext = {
    ...options,
    progress: (line) => say(`  ${row.id}: ${line}`),
    async temporary(name) {
      const folder = await mkdtemp(join(tmpdir(), `triplane-bench-${name}-`));
      folders.push(folder);
      return folder;
    },
  };
  say(`${row.id}: ${row.summary}`);
  const ended = (lines: readonly Line[], failure: string | undefined): RowOutcome => ({
    id: row.id,
    summary: row.summary,
    lines,
    seconds: Math.round((performance.now() - startedMs) / 1000),
    failure,
  });
  try {
    return ended(await row.run(context), undefined);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    say(`  ${row.id}: failed: ${error instanceof Error ? (error.stack ?? why) : why}`);
    return ended([], why);
  } finally {
    for (const folder of folders) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
