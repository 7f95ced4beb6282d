import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseLocation } from "./location.ts";
import { failsWith } from "./testing/store-contract.ts";

describe("parseLocation", () => {
  it("rocksdb: a plain absolute path, always with sync=every", () => {
    const expected = { kind: "embedded", path: "/var/lib/a store/db", engineUrl: "rocksdb:///var/lib/a store/db?sync=every" };
    assert.deepEqual(parseLocation("rocksdb:///var/lib/a store/db", {}), expected);
    assert.deepEqual(parseLocation("rocksdb:///var/lib/a store/db?sync=every", { SURREAL_DATASTORE_SYNC_DATA: "every" }), expected);
  });

  it("server: ws and wss without credentials", () => {
    assert.deepEqual(parseLocation("wss://db.example:8000/rpc", {}), { kind: "server", url: "wss://db.example:8000/rpc" });
  });

  for (const url of [
    "surrealkv:///var/lib/db",
    "surrealkv+versioned:///var/lib/db",
    "mem://",
    "memory",
    "file:///var/lib/db",
    "http://localhost:8000",
    "https://db.example",
    "tikv://localhost:2379",
    "/var/lib/db",
    "",
    "rocksdb://relative/db",
    "rocksdb:/var/lib/db",
    "rocksdb:///",
    "rocksdb:///var/../etc/db",
    "rocksdb:///var//db",
    "rocksdb:///var/db#x",
    "rocksdb:///var/db?sync=never",
    "rocksdb:///var/db?sync=1s",
    "rocksdb:///var/db?sync=every&sync=never",
    "rocksdb:///var/db?versioned=true",
    "ws://user:password@db.example",
    "ws://",
  ])
    it(`refuses ${JSON.stringify(url)}`, () => {
      assert.throws(() => parseLocation(url, {}), failsWith("store_engine_refused"));
    });

  it("refuses an environment that asks for less than every commit", () => {
    for (const value of ["never", "5s", ""])
      assert.throws(() => parseLocation("rocksdb:///var/db", { SURREAL_DATASTORE_SYNC_DATA: value }), failsWith("store_engine_refused"));
  });

  it("does not repeat credentials in the message", () => {
    assert.throws(
      () => parseLocation("ws://user:hunter2@db.example", {}),
      (error) => failsWith("store_engine_refused")(error) && !String(error).includes("hunter2"),
    );
  });
});
