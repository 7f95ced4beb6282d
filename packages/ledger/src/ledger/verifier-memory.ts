// What a verifier remembers: up to where it found a ledger right, so that next time it only looks at what came after.
//
// 1. It is written when everything was found right, as a whole, and else stays as it was.
// 2. What it says counts only for the same ledger, key and kind of checks; for others the ledger is verified from its first record.
// 3. Whoever can write it can make its owner believe: it belongs beside the pins, not into the ledger's folder.
import { chmodSync } from "node:fs";
import { isDid, TriplaneError } from "@triplane/contract";
import { z } from "zod";
import { SubjectTable } from "./subject-table.ts";

const NOTE_NAME = "verified";
const commit = z.string().regex(/^[0-9a-f]{40}$/);
const did = z.custom<`did:key:z6Mk${string}`>((value) => typeof value === "string" && isDid(value));
const count = z.int().min(0);

const rememberedSchema = z.strictObject({
  version: z.literal(1),
  rid: z.string(),
  identity_root: commit,
  controller: did,
  /** Keys that handed over before it. */
  former: z.array(did).default([]),
  audience: z.string(),
  /** Approved head of the policy repository whose policies the decisions were run again under; null where they were not. */
  decisions: z.strictObject({ rid: z.string(), identity_root: commit, head: commit }).nullable(),
  commit,
  size: count,
  /** Root of the Merkle tree, base64. */
  root: z.string(),
  chain_head: z.string(),
  /** Newest signed refs that were verified; null for a plain clone, which has none. */
  sigrefs: commit.nullable(),
  sequences: z.array(z.tuple([did, z.array(z.strictObject({ from: count, to: count, seenAtIndex: count, decidedAtS: count }))])),
});

export type Remembered = z.infer<typeof rememberedSchema>;

export interface VerifierMemory {
  readonly subjects: SubjectTable;
  /** What the last verification found right. */
  readonly remembered: Remembered | undefined;
  /** Forgets everything, for a verification from the first record. */
  forget(): void;
  /** Takes down where this verification ended. */
  remember(what: Remembered): void;
  /** Without `remember` before, the file stays as it was. */
  close(): void;
}

/** Opens or makes the file. Throws `ledger_locked` while another verification has it. */
export function openMemory(path: string | undefined): VerifierMemory {
  const subjects = path === undefined ? SubjectTable.inMemory() : SubjectTable.open(path);
  try {
    if (path !== undefined) chmodSync(path, 0o600);
    subjects.begin();
  } catch (cause) {
    subjects.close();
    throw new TriplaneError("ledger_locked", `another verification uses ${path}`, { cause });
  }
  return {
    subjects,
    remembered: readNote(subjects.note(NOTE_NAME)),
    forget: () => subjects.clear(),
    remember(what) {
      subjects.setNote(NOTE_NAME, JSON.stringify(what));
      subjects.commit();
    },
    close() {
      subjects.rollback();
      subjects.close();
    },
  };
}

function readNote(text: string | undefined): Remembered | undefined {
  if (text === undefined) return undefined;
  try {
    return rememberedSchema.parse(JSON.parse(text));
  } catch {
    // Written by another version, or damaged: then nothing is remembered.
    return undefined;
  }
}
