// What validations found, over time: one line of JSON for each run, the newest at the end.
//
// 1. The file is its old or its new content, never a part; whoever writes holds its lock. A line that does not read is left out, and told.
// 2. It does not grow without end: of each validation the newest runs stay.
// 3. What changed is judged against the last run that made the same check, whoever made it.
import { join } from "node:path";
import { type Clock, TriplaneError } from "@triplane/contract";
import { atomicWriteFile, ensurePrivateFolder, readFileIfThere, sleep, tryParseJson, tryProcessLock } from "@triplane/kit";
import { z } from "zod";
import { isRed, VALIDATIONS, type ValidationName, type ValidationReport, type Verdict } from "./types.ts";

const VERDICTS = ["pass", "fail", "unknown", "skip"] as const;
const MAX_TEXT = 2_000;
/** Of each validation; the daily ones then reach back a year and more. */
export const KEPT_RUNS = 400;
const LOCK_WAIT_MS = 20_000;
const LOCK_POLL_MS = 50;

const pastCheckSchema = z.strictObject({
  id: z.string().max(64),
  verdict: z.enum(VERDICTS),
  saw: z.string().max(MAX_TEXT),
  took_ms: z.int().min(0),
});

const pastRunSchema = z.strictObject({
  validation: z.enum(VALIDATIONS),
  workspace: z.string().max(64),
  at: z.iso.datetime(),
  /** Seconds since 1970 when it ended. */
  ended_s: z.int().min(0),
  verdict: z.enum(VERDICTS),
  checks: z.array(pastCheckSchema).max(100),
});
export type PastRun = z.infer<typeof pastRunSchema>;

/** A check whose verdict changed between two runs that made it. */
export interface Change {
  readonly validation: ValidationName;
  readonly check: string;
  readonly before: Verdict;
  readonly now: Verdict;
  readonly saw: string;
}

export interface Noted {
  readonly changes: readonly Change[];
}

/** What was found, and which of it is new. Oldest first. */
export interface History {
  readonly runs: readonly PastRun[];
  /** Lines that do not read. */
  readonly damaged: number;
}

export class HistoryFile {
  readonly path: string;
  readonly #folder: string;
  readonly #clock: Clock;

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
    this.path = join(folder, "history.jsonl");
  }

  /** Empty where nothing was ever noted. */
  async read(): Promise<History> {
    const lines = ((await readFileIfThere(this.path)) ?? "").split("\n").filter((line) => line !== "");
    const runs = lines.flatMap((line) => {
      const parsed = pastRunSchema.safeParse(tryParseJson(line));
      return parsed.success ? [parsed.data] : [];
    });
    return { runs, damaged: lines.length - runs.length };
  }

  /** Adds runs. Throws `unavailable` where somebody holds the lock for too long. */
  async note(reports: readonly ValidationReport[]): Promise<Noted> {
    await ensurePrivateFolder(this.#folder);
    const lock = await this.#lock();
    try {
      const { runs } = await this.read();
      const endedS = Math.floor(this.#clock.nowMs() / 1000);
      const added = reports.map((report) => pastOf(report, endedS));
      const changes = added.flatMap((run) => changesOf(runs, run));
      const kept = bounded([...runs, ...added]);
      await atomicWriteFile(this.path, `${kept.map((run) => JSON.stringify(run)).join("\n")}\n`);
      return { changes };
    } finally {
      await lock.release();
    }
  }

  async #lock(): Promise<{ release(): Promise<void> }> {
    const deadlineMs = performance.now() + LOCK_WAIT_MS;
    for (;;) {
      const lock = await tryProcessLock(join(this.#folder, "lock"));
      if (!("heldBy" in lock)) return lock;
      if (performance.now() > deadlineMs)
        throw new TriplaneError("unavailable", `process ${lock.heldBy} writes to ${this.path} and does not end`);
      await sleep(LOCK_POLL_MS);
    }
  }
}

/** Of every check, the verdict that was found last, and when. */
export function latestOf(
  runs: readonly PastRun[],
): ReadonlyMap<string, { readonly run: PastRun; readonly verdict: Verdict; readonly saw: string }> {
  const latest = new Map<string, { readonly run: PastRun; readonly verdict: Verdict; readonly saw: string }>();
  for (const run of runs) for (const { id, verdict, saw } of run.checks) latest.set(id, { run, verdict, saw });
  return latest;
}

/** Checks of a run that say something else than the last time. */
export function changesOf(before: readonly PastRun[], run: PastRun): readonly Change[] {
  const latest = latestOf(before.filter(({ validation }) => validation === run.validation));
  return run.checks.flatMap(({ id, verdict, saw }) => {
    const last = latest.get(id);
    return last === undefined || last.verdict === verdict
      ? []
      : [{ validation: run.validation, check: id, before: last.verdict, now: verdict, saw }];
  });
}

/** What people have to be told at once: it held, and does not hold any more or can no longer be looked at. */
export function alarming(changes: readonly Change[]): readonly Change[] {
  return changes.filter(({ before, now }) => !isRed(before) && isRed(now));
}

function pastOf({ validation, workspace, at, verdict, checks }: ValidationReport, endedS: number): PastRun {
  const past = checks.map(({ id, verdict: found, saw, tookMs }) => ({ id, verdict: found, saw: saw.slice(0, MAX_TEXT), took_ms: tookMs }));
  return { validation, workspace, at, ended_s: endedS, verdict, checks: past };
}

function bounded(runs: readonly PastRun[]): readonly PastRun[] {
  const kept = new Set(VALIDATIONS.flatMap((name) => runs.filter(({ validation }) => validation === name).slice(-KEPT_RUNS)));
  return runs.filter((run) => kept.has(run));
}
