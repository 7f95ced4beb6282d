// A SurrealDB connection as a Session: opening within a time, closing, and results reduced to what we use.
import { TriplaneError } from "@triplane/contract";
import { type Engines, Surreal } from "surrealdb";
import type { Session, StatementResult } from "./session.ts";

export interface SurrealSettings {
  readonly url: string;
  readonly engines: Engines;
  readonly namespace: string;
  readonly database: string;
  readonly credentials?: { readonly username: string; readonly password: string };
  readonly timeoutMs: number;
  /** Rejects when the engine reports a failure that the SDK keeps to itself. */
  readonly engineFailed: Promise<never>;
}

/** Throws `store_open_timeout`, or what `engineFailed` rejects with, or `unavailable`. */
export async function openSurrealSession(settings: SurrealSettings): Promise<Session> {
  const surreal = new Surreal({ engines: settings.engines });
  const { namespace, database, credentials } = settings;
  const connecting = surreal.connect(settings.url, {
    namespace,
    database,
    // After a lost connection nobody knows what was committed: the process ends and starts again instead.
    reconnect: false,
    ...(credentials === undefined ? {} : { authentication: { namespace, database, ...credentials } }),
  });
  const timer = Promise.withResolvers<never>();
  const timeout = setTimeout(
    () => timer.reject(new TriplaneError("store_open_timeout", `the store did not open within ${settings.timeoutMs} ms`)),
    settings.timeoutMs,
  );
  try {
    await Promise.race([connecting, timer.promise, settings.engineFailed]);
  } catch (error) {
    connecting.catch(() => undefined);
    if (error instanceof TriplaneError) throw error;
    throw new TriplaneError("unavailable", `the database refused the connection: ${messageOf(error)}`, { cause: error });
  } finally {
    clearTimeout(timeout);
  }
  return {
    run: async (query, parameters) => (await surreal.query(query, { ...parameters }).responses()).map(statementResult),
    close: async () => {
      await surreal.close();
    },
  };
}

function statementResult(response: {
  readonly success: boolean;
  readonly result?: unknown;
  readonly error?: { readonly kind?: string; readonly message: string };
}): StatementResult {
  if (response.success) return { ok: true, value: response.result };
  return { ok: false, kind: response.error?.kind ?? "unknown", message: response.error?.message ?? "the engine gave no reason" };
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
