// Opens a connection under one identity and keeps it: it restores itself until it is closed, and never to an older server.

import { connect, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";
import type { TriplaneError } from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import { assertServerVersion } from "./check.ts";
import { translate } from "./errors.ts";
import { type Identity, identityName, inboxPrefix } from "./identities.ts";
import { natsKeyFromSeed } from "./nkeys.ts";

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
  const { seed } = natsKeyFromSeed(options.nkeySeed);
  const name = identityName(options.identity);
  let connection: NatsConnection;
  try {
    connection = await connect({
      servers: typeof options.servers === "string" ? options.servers : [...options.servers],
      name: `triplane-${name}`,
      authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
      inboxPrefix: inboxPrefix(options.identity),
      timeout: options.connectTimeoutMs ?? 5000,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      pingInterval: 20_000,
      maxPingOut: 2,
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
  void watch(connection, options.logger.child({ identity: name }));
  return connection;
}

async function watch(connection: NatsConnection, logger: Logger): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === "disconnect") logger.warn({ server: status.server }, "the connection to NATS broke; restoring it");
    else if (status.type === "error") logger.warn({ err: status.error }, "NATS reported an error");
    else if (status.type === "reconnect") {
      logger.info({ server: status.server }, "the connection to NATS is back");
      try {
        assertServerVersion(connection.info?.version ?? "unknown");
      } catch (error) {
        logger.error({ err: error }, "the NATS server was replaced by an older one");
        await connection.close();
      }
    }
  }
}

/** Why a connection is closed for good, or undefined after an orderly close. */
export async function closedReason(connection: NatsConnection): Promise<TriplaneError | undefined> {
  const error = await connection.closed();
  return error instanceof Error ? translate(error, "stay connected to NATS") : undefined;
}
