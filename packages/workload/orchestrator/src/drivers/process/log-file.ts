// A replica's log: one file that its process appends to, bounded by rotation, read only at its end.
import { createHash } from "node:crypto";
import { copyFile, open, rename, rm, stat, truncate } from "node:fs/promises";
import type { Digest } from "@triplane/contract";
import { isErrno } from "@triplane/kit";

const TAIL_BYTES = 16 * 1024;
const MAX_LINE_CHARS = 400;

export interface LogLimits {
  readonly max_bytes: number;
  readonly keep: number;
}

/**
 * Rotates by copying and truncating: the process holds the file open for appending and cannot be asked to open another one.
 * Lines written between the two steps are lost.
 */
export async function rotateIfLarge(path: string, limits: LogLimits): Promise<boolean> {
  if ((await sizeOf(path)) <= limits.max_bytes) return false;
  for (let number = limits.keep - 1; number >= 1; number -= 1) await renameIfThere(`${path}.${number}`, `${path}.${number + 1}`);
  if (limits.keep > 0) await copyFile(path, `${path}.1`);
  await truncate(path, 0);
  return true;
}

export interface LogTail {
  readonly lines: readonly string[];
  /** Of the bytes that were read. */
  readonly digest: Digest;
}

/** The last lines, each cut to a bounded length. */
export async function tailOf(path: string, maxLines: number): Promise<LogTail> {
  const bytes = await lastBytes(path, TAIL_BYTES);
  const lines = bytes
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
  return {
    lines: lines.slice(-maxLines).map((line) => line.slice(0, MAX_LINE_CHARS)),
    digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
  };
}

async function lastBytes(path: string, count: number): Promise<Buffer> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return Buffer.alloc(0);
    throw error;
  }
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, count)), 0, Math.min(size, count), Math.max(0, size - count));
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return 0;
    throw error;
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rm(to, { force: true });
    await rename(from, to);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}
