// What is kept of a runner on disk, so that it is known after a crash of everything: `<folder>/<name>/runner.json`.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { tierSchema } from "@triplane/contract";
import { atomicWriteFile, isErrno } from "@triplane/kit";
import { z } from "zod";
import { RUNNER_ID_PATTERN } from "./names.ts";

const labelText = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/);

export const serverLabelsSchema = z.strictObject({
  "managed-by": z.literal("triplane"),
  pool: labelText,
  lease: labelText,
  tenant: labelText,
  tier: tierSchema,
  expires: z.string().regex(/^\d{1,15}$/),
});

const runnerRecordSchema = z.strictObject({
  id: z.string().regex(RUNNER_ID_PATTERN),
  name: z.string(),
  labels: serverLabelsSchema,
  offer: z.strictObject({ type: z.string(), location: z.string() }),
  memoryMib: z.int().min(1),
  image: z.string(),
  /** Seconds since 1970. */
  createdAtS: z.int(),
  /** Set once it is connected and started. */
  address: z.string().optional(),
  ending: z.boolean().optional(),
});
export type RunnerRecord = z.infer<typeof runnerRecordSchema>;

export async function writeRecord(folder: string, record: RunnerRecord): Promise<void> {
  await atomicWriteFile(join(folder, "runner.json"), `${JSON.stringify(runnerRecordSchema.parse(record), undefined, 2)}\n`);
}

/** Undefined where there is none. Throws what reading or parsing says: a record that cannot be read is not one that is absent. */
export async function readRecord(folder: string): Promise<RunnerRecord | undefined> {
  try {
    return runnerRecordSchema.parse(JSON.parse(await readFile(join(folder, "runner.json"), "utf8")));
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
}
