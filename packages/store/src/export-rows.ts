// Serves the rows of an open store, read-only, on a unix socket: an embedded store has one owner, so others have to ask that one.
//
// 1. Nothing that a caller sends is read; a connection gets every row and an end line, or is cut off before that line.
// 2. Tables come in the order that the migrations declare: what a commit writes later in that order is never older than what came before. They are
//    read a page at a time, each later than the one before, and the first page of a table after the last one of the table before it. So whatever is
//    read of a later table is of a later moment than anything of an earlier one. Rows of one table are of several moments: each is there once if it was
//    there all the time, and two that one commit wrote may be seen as before and after it.
// 3. It is a convenience: a socket that cannot be made is logged, and the store is served without.
import { chmod, rm, stat } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import { parseLocation } from "./location.ts";
import { openStore } from "./open-store.ts";
import type { OpenStoreOptions, Store } from "./types.ts";

/** One line of an export. The last one has `end`: how many rows each table has. */
export type ExportLine =
  | { readonly table: string; readonly id: string; readonly document: object }
  | { readonly end: Readonly<Record<string, number>> };

export interface ServeRowsOptions {
  readonly socketPath: string;
  readonly tables: readonly string[];
}

export interface RowServer {
  close(): Promise<void>;
}

const SOCKET = "export.sock";
const MAX_READERS = 4;

/** Where the rows of a store are served: beside an embedded store; nowhere for a server, which anybody with its password can ask. */
export function exportSocketOf(url: string): string | undefined {
  const location = parseLocation(url, {});
  return location.kind === "embedded" ? join(dirname(location.path), SOCKET) : undefined;
}

/** Opens a store and serves its rows for as long as it is open. Throws what `openStore` throws. */
export async function openServedStore(options: OpenStoreOptions, logger: Logger): Promise<Store> {
  const store = await openStore(options);
  const socketPath = exportSocketOf(options.url);
  if (socketPath === undefined) return store;
  const tables = options.migrations.flatMap((migration) => migration.tables.map(({ table }) => table));
  try {
    const server = await serveRows(store, { socketPath, tables: [...new Set(tables)] });
    const closeStore = store.close.bind(store);
    return Object.assign(store, {
      close: async () => {
        await server.close();
        await closeStore();
      },
    });
  } catch (error) {
    logger.warn({ err: error, socketPath }, "the rows are not served for export");
    return store;
  }
}

/** Throws `config_invalid` where others could reach the socket, or what the system says where it cannot be made. */
export async function serveRows(store: Store, options: ServeRowsOptions): Promise<RowServer> {
  const { socketPath, tables } = options;
  if (((await stat(dirname(socketPath))).mode & 0o077) !== 0)
    throw new TriplaneError("config_invalid", `${dirname(socketPath)} is open to others, so rows are not served in it`);
  // Left behind by an owner that was killed: whoever holds the store is the only one that may listen here.
  await rm(socketPath, { force: true });
  const readers = new Set<Socket>();
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.resume();
    if (readers.size >= MAX_READERS) return void socket.destroy();
    readers.add(socket);
    socket.once("close", () => readers.delete(socket));
    // A reader that sees no end line knows that it was cut off.
    writeRows(store, tables, socket).catch(() => socket.destroy());
  });
  await listen(server, socketPath);
  await chmod(socketPath, 0o600);
  return {
    close: async () => {
      for (const socket of readers) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function writeRows(store: Store, tables: readonly string[], socket: Socket): Promise<void> {
  const counts: Record<string, number> = {};
  for (const table of tables) {
    let count = 0;
    for await (const page of store.pages(table)) {
      for (const { id, document } of page) await writeLine(socket, { table, id, document });
      count += page.length;
    }
    counts[table] = count;
  }
  await writeLine(socket, { end: counts });
  socket.end();
}

async function writeLine(socket: Socket, line: ExportLine): Promise<void> {
  if (socket.destroyed) throw new TriplaneError("unavailable", "the reader is gone");
  if (socket.write(`${JSON.stringify(line)}\n`)) return;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      socket.off("drain", go);
      socket.off("close", go);
      resolve();
    };
    socket.on("drain", go);
    socket.on("close", go);
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      // It must never keep a daemon from ending.
      server.unref();
      resolve();
    });
  });
}
