// The embedded engine (RocksDB inside this process).
//
// 1. RocksDB's lock is released only when the process ends: the engine keeps it after `close` (measured, @surrealdb/node 3.0.3).
//    So a path is opened once per process, and a second time is refused in words instead of hanging.
// 2. The engine reads its memory settings when it is loaded; they are set before that.
import { TriplaneError } from "@triplane/contract";
import type { ProcessLock } from "@triplane/kit";
import type { Session } from "../session.ts";
import { openSurrealSession } from "../surreal-session.ts";
import { stopWaitingForLiveQueries } from "./live-queries.ts";
import { takeLock } from "./lock.ts";

// RocksDB would take half of the machine's memory for its cache, and the engine keeps what was written of late for the check of
// conflicts: 32 buffers of it (512 MiB, measured: a controller grew by 26 kB with every op until then). A daemon's working set is
// small and its commits are short: two buffers hold seconds of them.
const MEMORY_DEFAULTS = {
  SURREAL_ROCKSDB_BLOCK_CACHE_SIZE: 32 * 1024 * 1024,
  SURREAL_ROCKSDB_WRITE_BUFFER_SIZE: 16 * 1024 * 1024,
  SURREAL_ROCKSDB_MAX_WRITE_BUFFER_NUMBER: 2,
  SURREAL_ROCKSDB_MIN_WRITE_BUFFER_NUMBER_TO_MERGE: 1,
} as const;

const NAMESPACE = "triplane";
const DATABASE = "main";

const openedPaths = new Set<string>();

export interface EmbeddedOptions {
  readonly path: string;
  readonly engineUrl: string;
  readonly timeoutMs: number;
}

/** Throws `store_locked`, `store_open_timeout`, `unavailable`. */
export async function openEmbeddedSession(options: EmbeddedOptions): Promise<Session> {
  if (openedPaths.has(options.path))
    throw new TriplaneError("store_locked", `this process has or had the store at ${options.path} open`, {
      hint: "The engine gives a store back only when its process ends; open it once, or in a new process.",
    });
  openedPaths.add(options.path);
  let lock: ProcessLock | undefined;
  try {
    lock = await takeLock(`${options.path}.lock`);
    return await connect(options);
  } catch (error) {
    // After a time-out the engine may still come to hold the store; path and lock then stay taken by this process.
    if (!(error instanceof TriplaneError && error.code === "store_open_timeout")) {
      openedPaths.delete(options.path);
      await lock?.release();
    }
    throw error;
  }
}

/** What the engine reads from the environment, ours where that says nothing. */
export function engineSettings(): Readonly<Record<string, string>> {
  const given = Object.entries(process.env).filter(([name]) => name.startsWith("SURREAL_"));
  const defaults = Object.entries(MEMORY_DEFAULTS).map(([name, value]) => [name, String(value)]);
  return Object.fromEntries([...defaults, ...given]);
}

async function connect(options: EmbeddedOptions): Promise<Session> {
  Object.assign(process.env, engineSettings());
  const { createNodeEngines } = await import("@surrealdb/node");
  stopWaitingForLiveQueries();
  return await openSurrealSession({
    url: options.engineUrl,
    engines: createNodeEngines(),
    namespace: NAMESPACE,
    database: DATABASE,
    timeoutMs: options.timeoutMs,
    engineFailure: (error) => openFailure(options.path, error),
  });
}

function openFailure(path: string, error: Error): TriplaneError {
  const message = error.cause instanceof Error ? error.cause.message : error.message;
  const locked = /lock hold by|While lock file|LOCK: /.test(message);
  return new TriplaneError(locked ? "store_locked" : "unavailable", `the store at ${path} does not open: ${message}`, {
    cause: error,
    ...(locked ? {} : { hint: "It may be damaged; restore it from a backup." }),
  });
}
