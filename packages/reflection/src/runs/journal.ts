// The journal of a run: a file that only grows, one event a line.
//
// 1. `append` returns when the lines are on disk; nothing is told to anybody before (`persist-before-ack`).
// 2. A line is the first 16 digits of the SHA-256 of its JSON, a space, the JSON. The last line may be torn by a crash: it was never told,
//    so it is dropped. Any other broken line is damage.
import { hash } from "node:crypto";
import { fdatasyncSync, writeSync } from "node:fs";
import { mkdir, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { isErrno, syncFolder } from "@triplane/kit";
import type { RunRecord } from "./state.ts";

const DIGEST_CHARS = 16;

export interface Journal {
  /** Writes the events in one piece and returns when they are on disk. */
  append(records: readonly RunRecord[]): Promise<void>;
  close(): Promise<void>;
}

export interface JournalContent {
  readonly records: readonly RunRecord[];
  /** Where a torn last line begins; the file's length where there is none. */
  readonly soundBytes: number;
}

/** Throws `run_journal_broken`; undefined where there is no file. */
export async function readJournal(path: string): Promise<JournalContent | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  const records: RunRecord[] = [];
  let soundBytes = 0;
  while (soundBytes < bytes.length) {
    const end = bytes.indexOf(0x0a, soundBytes);
    const record = end === -1 ? undefined : recordOf(bytes.subarray(soundBytes, end));
    if (record === undefined) {
      // What follows a torn line can only be what the same write left.
      if (end !== -1 && end !== bytes.length - 1 && bytes.subarray(end + 1).includes(0x0a) && hasSoundLine(bytes.subarray(end + 1)))
        throw new TriplaneError("run_journal_broken", `${path}: line ${records.length + 1} is damaged`, { details: { file: path } });
      break;
    }
    records.push(record);
    soundBytes = end + 1;
  }
  return { records, soundBytes };
}

/** Opens the journal for appending, a torn last line being cut off; the folder is made where there is none. */
export async function openJournal(path: string, soundBytes: number): Promise<Journal> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const isNew = soundBytes === 0;
  const file = await open(path, "a", 0o600);
  try {
    await file.truncate(soundBytes);
    if (isNew) {
      await file.sync();
      await syncFolder(dirname(path));
      await syncFolder(dirname(dirname(path)));
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    append: async (records) => {
      if (records.length === 0) return;
      // Here and now: for a few lines the way to another thread and back is longer than the write (ADR-045).
      const bytes = Buffer.from(records.map(lineOf).join(""));
      for (let written = 0; written < bytes.length; ) written += writeSync(file.fd, bytes, written);
      fdatasyncSync(file.fd);
    },
    close: () => file.close(),
  };
}

function lineOf(record: RunRecord): string {
  const json = JSON.stringify(record);
  return `${digestOfLine(json)} ${json}\n`;
}

function recordOf(line: Buffer): RunRecord | undefined {
  const digest = line.subarray(0, DIGEST_CHARS).toString("latin1");
  const json = line.subarray(DIGEST_CHARS + 1);
  return digestOfLine(json) === digest ? (JSON.parse(json.toString("utf8")) as RunRecord) : undefined;
}

function hasSoundLine(rest: Buffer): boolean {
  for (let start = 0; start < rest.length; ) {
    const end = rest.indexOf(0x0a, start);
    if (end === -1) return false;
    if (recordOf(rest.subarray(start, end)) !== undefined) return true;
    start = end + 1;
  }
  return false;
}

function digestOfLine(json: string | Buffer): string {
  return hash("sha256", json).slice(0, DIGEST_CHARS);
}
