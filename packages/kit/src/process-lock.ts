// A lock on a file that the system lets go when its process ends, however it ends (ADR-016).
//
// 1. SQLite's exclusive lock on an empty database stands in for a file lock, which Node does not offer: nothing is ever stale.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { TriplaneError } from "@triplane/contract";
import { readFileIfThere } from "./files.ts";

export interface ProcessLock {
  release(): Promise<void>;
}

/** `pid` of whoever has it, or `another` where that is not known. */
export interface HeldElsewhere {
  readonly heldBy: string;
}

// node:sqlite closes a database that nobody refers to any more, and its lock goes with it (measured, Node 24.21): whoever forgot its lock
// would lose it at the next collection of garbage.
const held = new Set<DatabaseSync>();

/** Throws `unavailable` where the file cannot be locked at all. */
export async function tryProcessLock(path: string): Promise<ProcessLock | HeldElsewhere> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    if (!isBusy(cause)) throw new TriplaneError("unavailable", `the lock ${path} cannot be taken`, { cause });
    return { heldBy: (await readFileIfThere(holderFile(path)))?.trim() ?? "another" };
  }
  await writeFile(holderFile(path), `${process.pid}\n`, { mode: 0o600 });
  held.add(database);
  return {
    release: async () => {
      held.delete(database);
      database.close();
    },
  };
}

// Its own file: reading the locked one from the process that holds it would let the lock go (POSIX fcntl locks).
function holderFile(path: string): string {
  return `${path}.holder`;
}

const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}
