// What this machine has seen of the governed repositories: accepted commits, identity revisions, and everybody's newest signed refs.
// Nothing that is in here is ever taken back by a remote, a restored backup, or a delegate.
import { dirname } from "node:path";
import { type Did, didField, TriplaneError } from "@triplane/contract";
import { atomicWriteFile, ensurePrivateFolder, readFileIfThere } from "@triplane/kit";
import { z } from "zod";

const commit = z.string().regex(/^[0-9a-f]{40}$/);
const seenSchema = z.strictObject({
  identity_revision: commit.optional(),
  approved: commit.optional(),
  tips: z.record(didField, commit),
});
const memorySchema = z.strictObject({ format: z.literal(1), repositories: z.record(z.string(), seenSchema) });

export interface Seen {
  /** The identity revision that was in force. */
  readonly identityRevision?: string | undefined;
  /** What people approved last: of the desired state without image updates on top. */
  readonly approved?: string | undefined;
  /** The newest signed refs of each delegate. */
  readonly tips: ReadonlyMap<Did, string>;
}

const NOTHING: Seen = { tips: new Map() };

/** Throws `config_invalid` where the file does not read: forgetting silently would undo what it is for. */
export async function readSeen(file: string, rid: string): Promise<Seen> {
  const seen = (await readMemory(file)).repositories[rid];
  if (seen === undefined) return NOTHING;
  return { identityRevision: seen.identity_revision, approved: seen.approved, tips: new Map(Object.entries(seen.tips) as [Did, string][]) };
}

/** Writes only where something changed. */
export async function writeSeen(file: string, rid: string, seen: Seen): Promise<void> {
  const memory = await readMemory(file);
  const next = {
    ...(seen.identityRevision === undefined ? {} : { identity_revision: seen.identityRevision }),
    ...(seen.approved === undefined ? {} : { approved: seen.approved }),
    tips: Object.fromEntries([...seen.tips].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  if (JSON.stringify(memory.repositories[rid]) === JSON.stringify(next)) return;
  await ensurePrivateFolder(dirname(file));
  const all = { format: 1, repositories: { ...memory.repositories, [rid]: next } };
  await atomicWriteFile(file, `${JSON.stringify(all, undefined, 2)}\n`);
}

async function readMemory(file: string): Promise<z.infer<typeof memorySchema>> {
  const text = await readFileIfThere(file);
  if (text === undefined) return { format: 1, repositories: {} };
  try {
    return memorySchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new TriplaneError("config_invalid", `${file} does not read`, {
      cause,
      hint: "It says what this machine has seen of the governed repositories. Restore it from a backup; without it an older state would be believed.",
    });
  }
}
