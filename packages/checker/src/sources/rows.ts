// Rows of a daemon's database, wherever it is: from its owner's socket, from a copy of its folder, or from a server.
import { spawn } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, readlink, realpath, rm, stat } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { createRemoteEngines, Surreal } from "surrealdb";

export interface Row {
  readonly table: string;
  readonly id: string;
  readonly document: { readonly [field: string]: unknown };
}

export type StoreSource =
  /** An embedded store: asked of its owner while that runs, read from a copy of the folder while nobody has it open. */
  | { readonly kind: "embedded"; readonly path: string; readonly socket: string }
  | {
      readonly kind: "server";
      readonly url: string;
      readonly namespace: string;
      readonly database: string;
      readonly username: string;
      readonly password: string;
    };

const READER = fileURLToPath(new URL(`./read-store${extname(import.meta.url)}`, import.meta.url));
const TIMEOUT_MS = 60_000;
const TABLE_NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** Calls `take` for every row, tables in the order that `tables` gives. Says from where the rows came. Throws where they cannot be had whole. */
export async function readRows(source: StoreSource, tables: readonly string[], take: (row: Row) => void): Promise<string> {
  if (source.kind === "server") return await fromServer(source, tables, take);
  const owner = await ownerOf(source.path);
  if (owner !== undefined) return await fromSocket(source.socket, owner, take);
  return await fromCopy(source.path, tables, take);
}

/** The process that holds a store open, if one does: by the engine's own lock file, which it keeps open as long as it lives. */
async function ownerOf(path: string): Promise<number | undefined> {
  const lock = await realpath(join(path, "LOCK")).catch(() => undefined);
  if (lock === undefined) return undefined;
  const holder = (await readFile(`${path}.lock.holder`, "utf8").catch(() => "")).trim();
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of [holder, ...pids]) if (/^\d+$/.test(pid) && (await holdsOpen(pid, lock))) return Number(pid);
  return undefined;
}

async function holdsOpen(pid: string, file: string): Promise<boolean> {
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const fd of fds) if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")) === file) return true;
  return false;
}

async function fromSocket(path: string, owner: number, take: (row: Row) => void): Promise<string> {
  const socket = createConnection(path);
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`process ${owner} says nothing on ${path} for ${TIMEOUT_MS} ms`)));
  try {
    await readLines(socket, take);
  } catch (cause) {
    throw new Error(`process ${owner} has the store open and does not give its rows on ${path}: ${messageOf(cause)}`, { cause });
  } finally {
    socket.destroy();
  }
  return `served by its owner, process ${owner}, on ${path}`;
}

async function fromCopy(path: string, tables: readonly string[], take: (row: Row) => void): Promise<string> {
  await stat(path);
  const folder = await mkdtemp(join(tmpdir(), "triplane-check-store-"));
  try {
    // Opening a store writes into it, and a checker changes nothing.
    await cp(path, join(folder, "store"), { recursive: true });
    const compiled = process.env["NODE_COMPILE_CACHE"];
    const child = spawn(process.execPath, [READER, join(folder, "store"), ...tables], {
      env: {
        PATH: process.env["PATH"] ?? "",
        SURREAL_ROCKSDB_BLOCK_CACHE_SIZE: String(32 * 1024 * 1024),
        ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled }),
      },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      said = (said + chunk).slice(-1000);
    });
    try {
      await readLines(child.stdout, take);
    } catch (cause) {
      throw new Error(`a copy of ${path} cannot be read: ${messageOf(cause)} ${said.trim()}`, { cause });
    } finally {
      child.kill("SIGKILL");
    }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  return `read from a copy of ${path}, which nobody has open`;
}

async function readLines(stream: Readable, take: (row: Row) => void): Promise<void> {
  const counts: Record<string, number> = {};
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  const failed = new Promise<never>((_, reject) => stream.once("error", reject));
  failed.catch(() => undefined);
  const read = async (): Promise<void> => {
    for await (const line of lines) {
      const value = JSON.parse(line) as { readonly end?: Record<string, number> } & Row;
      if (value.end === undefined) {
        counts[value.table] = (counts[value.table] ?? 0) + 1;
        take(value);
        continue;
      }
      for (const [table, count] of Object.entries(value.end))
        if ((counts[table] ?? 0) !== count) throw new Error(`${counts[table] ?? 0} of ${count} rows of ${table} arrived`);
      return;
    }
    throw new Error("the rows were cut off before their end");
  };
  await Promise.race([read(), failed]);
}

async function fromServer(
  source: Extract<StoreSource, { kind: "server" }>,
  tables: readonly string[],
  take: (row: Row) => void,
): Promise<string> {
  const { url, namespace, database, username, password } = source;
  const surreal = new Surreal({ engines: createRemoteEngines() });
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const late = new Promise<never>((_, reject) =>
    timeout.addEventListener("abort", () => reject(new Error(`${url} does not answer`)), { once: true }),
  );
  const work = async (): Promise<void> => {
    await surreal.connect(url, { namespace, database, reconnect: false, authentication: { namespace, database, username, password } });
    for (const table of tables) {
      if (!TABLE_NAME.test(table)) throw new Error(`${table} is no table`);
      const [rows] = await surreal.query(`SELECT record::id(id) AS key, doc FROM ${table} ORDER BY key;`);
      for (const row of rows as readonly { readonly key: string; readonly doc: Row["document"] }[])
        take({ table, id: row.key, document: row.doc });
    }
  };
  try {
    await Promise.race([work(), late]);
  } finally {
    await surreal.close().catch(() => undefined);
  }
  return `asked of the database server ${url}`;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
