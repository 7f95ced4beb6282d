// What the run folder says about supervisors and their processes. Records are claims: whoever reads one checks the process.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { atomicWriteFile, ensurePrivateFolder, namesIfThere, readFileIfThere } from "@triplane/kit";
import { z } from "zod";

const identitySchema = z.strictObject({ pid: z.int().min(1), startedAt: z.string() });

export const supervisorRecordSchema = z.strictObject({
  plane: z.string(),
  process: identitySchema,
  state: z.enum(["starting", "up", "failed"]),
  /** Why it failed: code and message. */
  failure: z.strictObject({ code: z.string(), message: z.string() }).optional(),
});
export type SupervisorRecord = z.infer<typeof supervisorRecordSchema>;

export const processRecordSchema = z.strictObject({
  name: z.string(),
  plane: z.string(),
  process: identitySchema,
  /** How often it was started again after it ended by itself. */
  restarts: z.int().min(0),
  healthUrl: z.string().optional(),
  log: z.string(),
});
export type ProcessRecord = z.infer<typeof processRecordSchema>;

const PROCESS = /^process-([a-z-]+)\.json$/;

export interface RunFolder {
  readonly path: string;
  readSupervisor(plane: string): Promise<SupervisorRecord | undefined>;
  writeSupervisor(record: SupervisorRecord): Promise<void>;
  removeSupervisor(plane: string): Promise<void>;
  processes(): Promise<readonly ProcessRecord[]>;
  writeProcess(record: ProcessRecord): Promise<void>;
  removeProcess(name: string): Promise<void>;
}

export function openRunFolder(path: string): RunFolder {
  const write = async (file: string, record: object): Promise<void> => {
    await ensurePrivateFolder(path);
    await atomicWriteFile(join(path, file), `${JSON.stringify(record, null, 2)}\n`);
  };
  return {
    path,
    readSupervisor: (plane) => readRecord(join(path, `plane-${plane}.json`), supervisorRecordSchema),
    writeSupervisor: (record) => write(`plane-${record.plane}.json`, record),
    removeSupervisor: (plane) => rm(join(path, `plane-${plane}.json`), { force: true }),
    processes: async () => {
      const records = await Promise.all(
        (await namesIfThere(path))
          .filter((file) => PROCESS.test(file))
          .sort()
          .map((file) => readRecord(join(path, file), processRecordSchema)),
      );
      return records.filter((record) => record !== undefined);
    },
    writeProcess: (record) => write(`process-${record.name}.json`, record),
    removeProcess: (name) => rm(join(path, `process-${name}.json`), { force: true }),
  };
}

// A record that does not read is treated as none: it can only be the rest of another version.
async function readRecord<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readFileIfThere(path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
