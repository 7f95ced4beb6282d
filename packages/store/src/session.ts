// The narrow port to SurrealDB: run one query text, get one result per statement. Everything above it is ours.

/** Result of one statement; the kinds are SurrealDB's own words for what went wrong. */
export type StatementResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly kind: string; readonly message: string };

export interface Session {
  /** Rejects when the engine or the connection failed as a whole; the outcome is unknown then. */
  run(query: string, parameters: Readonly<Record<string, unknown>>): Promise<readonly StatementResult[]>;
  close(): Promise<void>;
}
