// The provisioner: creates what is missing, compares what exists, rewrites nothing.

import { type ConsumerConfig, type JetStreamManager, jetstreamManager, type StreamConfig } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { buckets, type Clock, consumerSettings, streamNames, TriplaneError } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import { assertNoDifferences, assertSyncAlways, demandedStreams, findDifferences, isNotFound } from "./check.ts";
import { type ConnectionOptions, openConnection } from "./connection.ts";
import { translate } from "./errors.ts";

export interface ProvisionOptions extends Omit<ConnectionOptions, "identity"> {
  readonly workspace: string;
  readonly requestTimeoutMs?: number;
  readonly clock?: Clock;
  /**
   * What shows that this workspace has run before, in words. Missing streams with a history of their own are then a loss, and nothing
   * is created. Leave it out only for a workspace that begins, or one whose history is put back before anybody else connects.
   */
  readonly ranBefore?: string | undefined;
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
 * `bus_denied`, `bus_unreachable`, and `state_lost` where it was told of a past that the server does not have. `no-fail-open`
 */
export async function provision(options: ProvisionOptions): Promise<ProvisionReport> {
  const timeoutMs = options.requestTimeoutMs ?? 10_000;
  const identity = { role: "provisioner" } as const;
  const connection = await openConnection({ ...options, identity });
  try {
    await assertSyncAlways(connection, timeoutMs);
    const manager = await managerOf(connection, timeoutMs);
    if (options.ranBefore !== undefined) await assertNothingLost(manager, options.workspace, options.ranBefore);
    const report = await createMissing(manager, options.workspace, (options.clock ?? systemClock).nowMs());
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

/** Numbers that were used, ops on their way, reviews, records that are not mirrored: an empty one of these would forget them silently. */
async function assertNothingLost(manager: JetStreamManager, workspace: string, ranBefore: string): Promise<void> {
  const { pending, review, cmd, audit } = streamNames(workspace);
  const lost: string[] = [];
  for (const stream of [pending, review, cmd, audit, `KV_${buckets(workspace).seq}`]) {
    const there = await exists(() => manager.streams.info(stream)).catch((error: unknown) => {
      throw translate(error, `look at stream ${stream}`);
    });
    if (!there) lost.push(stream);
  }
  if (lost.length > 0)
    throw new TriplaneError("state_lost", `NATS does not have ${lost.join(", ")}, and ${ranBefore}`, { details: { lost } });
}

async function createMissing(manager: JetStreamManager, workspace: string, nowMs: number): Promise<ProvisionReport> {
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
  // A fence is a revision of this bucket, and whoever compares fences outlives it: one that is made anew begins above all that it ever
  // gave, for it is not written to a thousand times a second.
  const leases = `KV_${buckets(workspace).lease}`;
  for (const stream of demandedStreams(workspace)) {
    const config = { ...stream, subjects: [...stream.subjects], ...(stream.name === leases ? { first_seq: nowMs } : {}) };
    await ensure(
      stream.name,
      () => manager.streams.info(stream.name),
      () => manager.streams.add(config satisfies Partial<StreamConfig>),
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
