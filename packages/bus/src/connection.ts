// Opens a connection under one identity; from then on it restores itself until it is closed.

import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "@triplane/kit";
import { assertServerVersion } from "./check.ts";
import { translate } from "./errors.ts";
import { type Identity, identityName, inboxPrefix } from "./identities.ts";
import { natsAuthenticator } from "./nkeys.ts";

export interface ConnectionOptions {
  /** Addresses like `nats://127.0.0.1:4222`. */
  readonly servers: string | readonly string[];
  readonly identity: Identity;
  /** `SU…`, from a file with mode 0600. */
  readonly nkeySeed: string;
  readonly logger: Logger;
  readonly connectTimeoutMs?: number;
}

/** Throws `bus_unreachable`, `bus_denied`, `bus_too_old`. */
export async function openConnection(options: ConnectionOptions): Promise<NatsConnection> {
  const authenticator = natsAuthenticator(options.nkeySeed);
  const name = identityName(options.identity);
  let connection: NatsConnection;
  try {
    connection = await connect({
      servers: typeof options.servers === "string" ? options.servers : [...options.servers],
      name: `triplane-${name}`,
      authenticator,
      inboxPrefix: inboxPrefix(options.identity),
      timeout: options.connectTimeoutMs ?? 5000,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      pingInterval: 20_000,
      maxPingOut: 2,
      // Else each request makes two errors in advance, for the stack that nobody will ask for.
      noAsyncTraces: true,
    });
  } catch (error) {
    throw translate(error, `connect to ${[options.servers].flat().join(", ")} as ${name}`);
  }
  try {
    assertServerVersion(connection.info?.version ?? "unknown");
  } catch (error) {
    await connection.close();
    throw error;
  }
  return connection;
}
