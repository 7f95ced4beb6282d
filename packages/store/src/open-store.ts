// Opens a store: judge the address, prove durability, open, migrate.
import { TriplaneError } from "@triplane/contract";
import { systemRandom } from "@triplane/kit";
import { createRemoteEngines } from "surrealdb";
import { proveDurability } from "./embedded/durability.ts";
import { openEmbeddedSession } from "./embedded/engine.ts";
import { DEFAULT_OPEN_TIMEOUT_MS } from "./limits.ts";
import { parseLocation } from "./location.ts";
import { migrate } from "./migrate.ts";
import type { Session } from "./session.ts";
import { openSurrealSession } from "./surreal-session.ts";
import { SurrealStore } from "./surreal-store.ts";
import type { OpenStoreOptions, Store } from "./types.ts";

/**
 * Throws `store_engine_refused`, `store_locked`, `store_open_timeout`, `store_not_durable`, `store_schema_newer`, or `unavailable` for a
 * store that is damaged or a server that does not answer.
 *
 * @example
 * const store = await openStore({ url: "rocksdb:///var/lib/triplane/controller", migrations: MIGRATIONS });
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const session = await openSession(options);
  try {
    return new SurrealStore(session, await migrate(session, options.migrations), systemRandom);
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function openSession(options: OpenStoreOptions): Promise<Session> {
  const location = parseLocation(options.url, process.env);
  const timeoutMs = options.openTimeoutMs ?? DEFAULT_OPEN_TIMEOUT_MS;
  if (location.kind === "server") {
    if (options.server === undefined)
      throw new TriplaneError("config_invalid", "a database server needs namespace, database, username and password");
    const { namespace, database, username, password } = options.server;
    return await openSurrealSession({
      url: location.url,
      engines: createRemoteEngines(),
      namespace,
      database,
      credentials: { username, password },
      timeoutMs,
      engineFailure: (error) => new TriplaneError("unavailable", `the database server does not answer: ${error.message}`, { cause: error }),
    });
  }
  // Together: the proof costs two short processes, the opening none.
  const [proof, opened] = await Promise.allSettled([proveDurability(location.path), openEmbeddedSession({ ...location, timeoutMs })]);
  if (opened.status === "rejected") throw opened.reason;
  if (proof.status === "rejected") {
    await opened.value.close();
    throw proof.reason;
  }
  return opened.value;
}
