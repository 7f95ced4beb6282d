// What launchers report of runs, kept for sizing and for the checker: one row for each lease.
import { type BuildKey, type BuildMetrics, secondsField, tierSchema } from "@triplane/contract";
import type { Document, Store, Write } from "@triplane/store";
import { z } from "zod";
import { MAX_SAMPLES, type SizeSample } from "./sizing/decide.ts";

/** Rows of one key that are kept: samples, and runs that say nothing of memory. */
const KEPT_BUILDS = 4 * MAX_SAMPLES;

/** What sizing reads of a row; launchers' times are stored in milliseconds, as the store holds whole numbers. */
const sampleSchema = z.looseObject({
  tier: tierSchema,
  outcome: z.string(),
  peak_memory_mib: z.int().nullable(),
  finished_at: secondsField,
});

export function buildDocument(metrics: BuildMetrics): Document {
  const { seconds, peak_memory_mib, image_digest, ...rest } = metrics;
  return {
    ...rest,
    key: keyText(metrics),
    peak_memory_mib: peak_memory_mib === undefined ? null : Math.ceil(peak_memory_mib),
    image_digest: image_digest ?? null,
    milliseconds: Object.fromEntries(Object.entries(seconds).map(([phase, value]) => [phase, Math.round(value * 1000)])),
  };
}

/** Stores a report; the first one of a lease stays. Says whether it was the first. */
export async function storeBuild(store: Store, metrics: BuildMetrics): Promise<boolean> {
  if ((await store.get("builds", metrics.lease_id)) !== undefined) return false;
  const rows = await store.list("builds", { where: { key: keyText(metrics) }, orderBy: "finished_at", descending: true });
  const forgotten = rows.slice(KEPT_BUILDS - 1).map(({ id }): Write => ({ kind: "delete", table: "builds", id }));
  try {
    await store.commit([{ kind: "create", table: "builds", id: metrics.lease_id, document: buildDocument(metrics) }, ...forgotten]);
  } catch (error) {
    // The same report came twice at once.
    if ((await store.get("builds", metrics.lease_id)) === undefined) throw error;
    return false;
  }
  return true;
}

/** What became of the build on a lease; undefined where nobody reported it. */
export async function readOutcome(store: Store, leaseId: string): Promise<string | undefined> {
  const document = await store.get("builds", leaseId);
  return document === undefined ? undefined : sampleSchema.parse(document).outcome;
}

/** Newest first. Runs that were not measured, and those that were cut short, say nothing. */
export async function readSamples(store: Store, key: BuildKey): Promise<readonly SizeSample[]> {
  const rows = await store.list("builds", { where: { key: keyText(key) }, orderBy: "finished_at", descending: true });
  return rows.flatMap(({ document }) => sampleOf(document)).slice(0, MAX_SAMPLES);
}

function sampleOf(document: Document): readonly SizeSample[] {
  const row = sampleSchema.parse(document);
  const sample = { finishedAtS: row.finished_at, tier: row.tier, peakMib: row.peak_memory_mib ?? 0 };
  if (row.outcome === "oom") return [{ ...sample, isLowerBound: true }];
  // A build that failed by itself may have failed before it needed what it needs.
  return row.outcome === "built" && row.peak_memory_mib !== null ? [{ ...sample, isLowerBound: false }] : [];
}

function keyText({ repo, target, platform }: BuildKey): string {
  return JSON.stringify([repo, target, platform]);
}
