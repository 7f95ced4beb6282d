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
  /** What a failure of the engine means. */
  readonly engineFailure: (error: Error) => TriplaneError;
}

/** Throws `store_open_timeout`, what `engineFailure` makes of a failure, or `unavailable`. */
export async function openSurrealSession(settings: SurrealSettings): Promise<Session> {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const surreal = new Surreal({ engines: listening(settings.engines, (error) => failed.reject(settings.engineFailure(error))) });
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
    await Promise.race([connecting, timer.promise, failed.promise]);
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

/** The SDK keeps an engine's failure to open to itself, and `connect` then waits for ever. */
function listening(engines: Engines, onError: (error: Error) => void): Engines {
  const wrapped = Object.entries(engines).map(([scheme, create]): [string, typeof create] => [
    scheme,
    (context) => {
      const engine = create(context);
      engine.subscribe("error", onError);
      engine.subscribe("disconnected", () => onError(new Error("the connection ended")));
      return engine;
    },
  ]);
  return Object.fromEntries(wrapped);
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
