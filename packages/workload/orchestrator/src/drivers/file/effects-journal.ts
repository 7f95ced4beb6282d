// One line for each time that a file really changed, so that anybody can count effects.
//
// 1. A line is appended right after its effect, in one write; after a kill in between, the line is owed and the next converge pays it.
// 2. Lines are not synced: a power cut may take the last ones, and never makes one up.
import { createReadStream, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { canonicalJson, type Digest, digestField } from "@triplane/contract";
import { z } from "zod";

const effectSchema = z.strictObject({
  /** The op that asked; null where no op knows of the file that was cleared away. */
  jti: z.string().nullable(),
  target: z.string(),
  /** Of the state that the file holds now; null where it is gone. */
  generation: z.string().nullable(),
  /** `restore` is what a start does, without an op, where the files are not as the records say. */
  action: z.enum(["write", "remove", "restore"]),
  /** Of the file as it is now; null where it is gone. */
  digest: digestField.nullable(),
  /** Milliseconds since 1970. */
  at_ms: z.int(),
});
export type Effect = z.infer<typeof effectSchema>;

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

export class EffectsJournal {
  readonly #file: FileHandle;
  /** Digests that the last line of each target tells; none for a file that is gone. */
  readonly #told: Map<string, Digest>;

  private constructor(file: FileHandle, told: Map<string, Digest>) {
    this.#file = file;
    this.#told = told;
  }

  /** Reads what is there, and cuts off a last line that was not written to its end. */
  static async open(path: string): Promise<EffectsJournal> {
    const file = await open(path, "a+", 0o600);
    await file.truncate(await wholeLinesBytes(file));
    const told = new Map<string, Digest>();
    for await (const line of createInterface({ input: createReadStream(path) })) remember(told, effectOf(line));
    return new EffectsJournal(file, told);
  }

  /** The digest that the journal has for the file of a target; undefined for none. */
  told(target: string): Digest | undefined {
    return this.#told.get(target);
  }

  append(effect: Effect): void {
    writeSync(this.#file.fd, `${canonicalJson(effect)}\n`);
    remember(this.#told, effect);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

// What follows the last newline is longer than a line where a power cut left room that was never written: bytes of zero, up to megabytes.
async function wholeLinesBytes(file: FileHandle): Promise<number> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (let end = (await file.stat()).size; end > 0; end -= Math.min(end, CHUNK_BYTES)) {
    const length = Math.min(end, CHUNK_BYTES);
    const { bytesRead } = await file.read(chunk, 0, length, end - length);
    const newline = chunk.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (newline >= 0) return end - length + newline + 1;
  }
  return 0;
}

function remember(told: Map<string, Digest>, effect: Effect | undefined): void {
  if (effect === undefined) return;
  if (effect.digest === null) told.delete(effect.target);
  else told.set(effect.target, effect.digest);
}

// A line that does not read is evidence of nothing, and no reason to stop the driver.
function effectOf(line: string): Effect | undefined {
  try {
    return effectSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
