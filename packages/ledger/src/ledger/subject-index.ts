// The subject index: for each record, in order, the first eight bytes of SHA-256(subject), in files of 4096 records.
//
// An append touches only the last file, so what it costs does not depend on the ledger's length. Eight bytes only say where to
// look: whoever finds a match reads that record and compares the subject itself.
import { createHash } from "node:crypto";
import { TriplaneError } from "@triplane/contract";
import { numberPath, type ReadFile } from "./tiles.ts";

export const KEY_BYTES = 8;
export const INDEX_FILE_RECORDS = 4096;

/** What the index holds of a subject. */
export function subjectKey(subject: string): Buffer {
  return createHash("sha256").update(subject, "utf8").digest().subarray(0, KEY_BYTES);
}

/** `index/<N>[.p/<W>]`, numbered as tiles are. */
export function indexPath(file: number, width: number): string {
  return `index/${numberPath(file)}${width === INDEX_FILE_RECORDS ? "" : `.p/${width}`}`;
}

/** The end of the index; all that an append needs. */
export interface IndexEnd {
  readonly size: number;
  /** Keys of the last, partial file. */
  readonly keys: Buffer;
}

export const EMPTY_INDEX: IndexEnd = { size: 0, keys: Buffer.alloc(0) };

export interface IndexChange {
  readonly end: IndexEnd;
  /** Path to content, undefined where a partial file gives way to a wider one. */
  readonly files: ReadonlyMap<string, Buffer | undefined>;
}

export function appendKeys(end: IndexEnd, keys: readonly Buffer[]): IndexChange {
  const files = new Map<string, Buffer | undefined>();
  const before = end.keys.length / KEY_BYTES;
  let file = Math.floor(end.size / INDEX_FILE_RECORDS);
  if (before > 0) files.set(indexPath(file, before), undefined);
  let rest = Buffer.concat([end.keys, ...keys]);
  for (; rest.length >= INDEX_FILE_RECORDS * KEY_BYTES; file += 1) {
    files.set(indexPath(file, INDEX_FILE_RECORDS), rest.subarray(0, INDEX_FILE_RECORDS * KEY_BYTES));
    rest = rest.subarray(INDEX_FILE_RECORDS * KEY_BYTES);
  }
  if (rest.length > 0) files.set(indexPath(file, rest.length / KEY_BYTES), rest);
  return { end: { size: end.size + keys.length, keys: Buffer.from(rest) }, files };
}

/** Reads the end of an index of `size` records. Throws `ledger_tree_invalid`. */
export async function loadIndexEnd(size: number, readFile: ReadFile): Promise<IndexEnd> {
  const width = size % INDEX_FILE_RECORDS;
  if (width === 0) return { size, keys: Buffer.alloc(0) };
  return { size, keys: await readIndexFile(Math.floor(size / INDEX_FILE_RECORDS), width, readFile) };
}

/** Keys of the records from an index on, file by file. Throws `ledger_tree_invalid`. */
export async function* keysFrom(
  fromIndex: number,
  size: number,
  readFile: ReadFile,
): AsyncGenerator<{ readonly firstIndex: number; readonly keys: Buffer }> {
  for (let file = Math.floor(fromIndex / INDEX_FILE_RECORDS); file * INDEX_FILE_RECORDS < size; file += 1) {
    const first = file * INDEX_FILE_RECORDS;
    const keys = await readIndexFile(file, Math.min(INDEX_FILE_RECORDS, size - first), readFile);
    const skip = Math.max(0, fromIndex - first);
    yield { firstIndex: first + skip, keys: keys.subarray(skip * KEY_BYTES) };
  }
}

/** Indices of records that may be about a subject, newest first; nearly always none or one. */
export async function* candidatesOf(subject: string, size: number, readFile: ReadFile): AsyncGenerator<number> {
  const key = subjectKey(subject);
  for (let file = Math.ceil(size / INDEX_FILE_RECORDS) - 1; file >= 0; file -= 1) {
    const first = file * INDEX_FILE_RECORDS;
    const keys = await readIndexFile(file, Math.min(INDEX_FILE_RECORDS, size - first), readFile);
    for (let at = keys.indexOf(key); at >= 0; at = keys.indexOf(key, at + 1)) if (at % KEY_BYTES === 0) yield first + at / KEY_BYTES;
  }
}

async function readIndexFile(file: number, width: number, readFile: ReadFile): Promise<Buffer> {
  const path = indexPath(file, width);
  const keys = await readFile(path);
  if (keys === undefined) throw new TriplaneError("ledger_tree_invalid", `${path} is missing`);
  if (keys.length !== width * KEY_BYTES)
    throw new TriplaneError("ledger_tree_invalid", `${path} has ${keys.length} bytes, not ${width * KEY_BYTES}`);
  return keys;
}
