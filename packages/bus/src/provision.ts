// The provisioner: creates what is missing, compares what exists, rewrites nothing.

import { type ConsumerConfig, type JetStreamManager, jetstreamManager, type StreamConfig } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { consumerSettings } from "@triplane/contract";
import { assertNoDifferences, assertSyncAlways, demandedStreams, findDifferences, isNotFound } from "./check.ts";
import { type ConnectionOptions, openConnection } from "./connection.ts";
import { translate } from "./errors.ts";

export interface ProvisionOptions extends Omit<ConnectionOptions, "identity"> {
  readonly workspace: string;
  readonly requestTimeoutMs?: number;
}

export interface ProvisionReport {
  /** Names of streams, and of consumers as `<stream>/<durable>`, that did not exist before. */
  readonly created: readonly string[];
  /** Those that existed and are as demanded. */
  readonly unchanged: readonly string[];
}

/**
 * Connects with the provisioner's credential, creates missing streams, buckets and consumers, reads everything back and leaves.
 * Calling it again changes nothing. Throws `stream_mismatch` listing every setting that differs, `bus_too_old`,
 * `bus_denied`, `bus_unreachable`.
 */
export async function provision(options: ProvisionOptions): Promise<ProvisionReport> {
  const timeoutMs = options.requestTimeoutMs ?? 10_000;
  const identity = { role: "provisioner" } as const;
  const connection = await openConnection({ ...options, identity });
  try {
    await assertSyncAlways(connection, timeoutMs);
    const manager = await managerOf(connection, timeoutMs);
    const report = await createMissing(manager, options.workspace);
    assertNoDifferences(await findDifferences(manager, identity, options.workspace));
    return report;
  } finally {
    await connection.close();
  }
}

async function managerOf(connection: NatsConnection, timeoutMs: number): Promise<JetStreamManager> {
  try {
    return await jetstreamManager(connection, { timeout: timeoutMs });
  } catch (error) {
    throw translate(error, "ask for the JetStream API");
  }
}

async function createMissing(manager: JetStreamManager, workspace: string): Promise<ProvisionReport> {
  const created: string[] = [];
  const unchanged: string[] = [];
  const ensure = async (name: string, look: () => Promise<unknown>, create: () => Promise<unknown>): Promise<void> => {
    try {
      if (await exists(look)) unchanged.push(name);
      else {
        await create();
        created.push(name);
      }
    } catch (error) {
      throw translate(error, `create ${name}`);
    }
  };
  for (const stream of demandedStreams(workspace)) {
    const config = { ...stream, subjects: [...stream.subjects] } satisfies Partial<StreamConfig>;
    await ensure(
      stream.name,
      () => manager.streams.info(stream.name),
      () => manager.streams.add(config),
    );
  }
  for (const { stream, ...consumer } of consumerSettings(workspace)) {
    const config: Partial<ConsumerConfig> = consumer;
    await ensure(
      `${stream}/${consumer.durable_name}`,
      () => manager.consumers.info(stream, consumer.durable_name),
      () => manager.consumers.add(stream, config),
    );
  }
  return { created, unchanged };
}

async function exists(look: () => Promise<unknown>): Promise<boolean> {
  try {
    await look();
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
