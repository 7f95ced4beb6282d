import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { silentLogger } from "@triplane/kit";
import { tempDir } from "@triplane/testkit";
import { exportSocketOf, openServedStore, serveRows } from "./index.ts";
import { openSqliteStore } from "./testing/sqlite-store.ts";
import { failsWith } from "./testing/store-contract.ts";
import type { Migration, Store } from "./types.ts";

const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    description: "for tests",
    tables: [
      { table: "ops", indexes: [] },
      { table: "outbox", indexes: [] },
    ],
  },
];

async function linesFrom(socketPath: string, sent = ""): Promise<readonly unknown[]> {
  const socket = createConnection(socketPath);
  socket.write(sent);
  return (await text(socket))
    .split("\n")
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line));
}

describe("serveRows", () => {
  it("serveRows: gives every row of every table in their order, then how many there were, and reads nothing", async () => {
    await using folder = await tempDir("export");
    const store = await openSqliteStore(join(folder.path, "db"), MIGRATIONS);
    await store.commit([
      { kind: "create", table: "outbox", id: "a", document: { n: 2 } },
      { kind: "create", table: "ops", id: "a", document: { n: 1, text: "zwölf\n" } },
    ]);
    const socketPath = join(folder.path, "export.sock");
    const server = await serveRows(store, { socketPath, tables: ["ops", "outbox"] });
    try {
      assert.equal((await stat(socketPath)).mode & 0o777, 0o600);
      assert.deepEqual(await linesFrom(socketPath, "DELETE ops;\n"), [
        { table: "ops", id: "a", document: { n: 1, text: "zwölf\n" } },
        { table: "outbox", id: "a", document: { n: 2 } },
        { end: { ops: 1, outbox: 1 } },
      ]);
      assert.equal(await store.count("ops"), 1);
    } finally {
      await server.close();
      await store.close();
    }
  });

  it("serveRows: takes the place of a socket that a killed owner left, and is cut off before the end line when it closes", async () => {
    await using folder = await tempDir("export");
    const store = await openSqliteStore(join(folder.path, "db"), MIGRATIONS);
    const socketPath = join(folder.path, "export.sock");
    await writeFile(socketPath, "");
    const never: Store = {
      ...pick(store),
      pages: async function* () {
        yield await new Promise<never>(() => undefined);
      },
    };
    const server = await serveRows(never, { socketPath, tables: ["ops"] });
    const reading = linesFrom(socketPath);
    const other = createConnection(socketPath).on("error", () => undefined);
    await once(other, "connect");
    await server.close();
    assert.deepEqual(await reading.catch(() => []), [], "no end line");
    await store.close();
  });

  it("serveRows: is refused in a folder that others can enter", async () => {
    await using folder = await tempDir("export");
    const open = join(folder.path, "open");
    await mkdir(open);
    await chmod(open, 0o755);
    const store = await openSqliteStore(join(folder.path, "db"), MIGRATIONS);
    await assert.rejects(serveRows(store, { socketPath: join(open, "export.sock"), tables: ["ops"] }), failsWith("config_invalid"));
    await store.close();
  });
});

function pick(store: Awaited<ReturnType<typeof openSqliteStore>>) {
  const { commit, get, list, pages, count, highest, close } = store;
  return { commit, get, list, pages, count, highest, close };
}

describe("openServedStore", () => {
  it("openServedStore: serves an embedded store beside its folder until it is closed", async () => {
    await using folder = await tempDir("export");
    const url = `rocksdb://${join(folder.path, "store")}`;
    const store = await openServedStore({ url, migrations: MIGRATIONS }, silentLogger);
    await store.commit([{ kind: "create", table: "ops", id: "a", document: { n: 1 } }]);
    const socketPath = exportSocketOf(url);
    assert.equal(socketPath, join(folder.path, "export.sock"));
    const lines = await linesFrom(socketPath);
    assert.deepEqual(lines.at(-1), { end: { ops: 1, outbox: 0 } });
    await store.close();
    await assert.rejects(linesFrom(socketPath));
  });

  it("exportSocketOf: a server is asked directly", () => {
    assert.equal(exportSocketOf("ws://127.0.0.1:8000"), undefined);
  });
});
