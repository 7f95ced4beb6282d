import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { openStore } from "./index.ts";
import { openSqliteStore } from "./testing/sqlite-store.ts";
import { CONTRACT_MIGRATIONS, storeContract } from "./testing/store-contract.ts";

const folder = await mkdtemp(join(tmpdir(), "triplane-store-"));
after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

storeContract("SurrealDB on rocksdb", () => openStore({ url: `rocksdb://${join(folder, "surreal")}`, migrations: CONTRACT_MIGRATIONS }));
storeContract("SQLite", () => openSqliteStore(join(folder, "oracle.db"), CONTRACT_MIGRATIONS));
