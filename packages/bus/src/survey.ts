// Everything that there is on the server of a workspace beside what the contract demands: facts for checks. Nothing is refused, nothing is changed.
//
// 1. Unlike `connectBus` it looks at a set-up that is wrong too, so that a check can say what is wrong with it, and raise an alarm.

import { type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type Alarm, type ConsumerSettings, consumerSettings, subjects, type TriplaneError, toTriplaneError } from "@triplane/contract";
import { assertSyncAlways, demandedStreams, isNotFound } from "./check.ts";
import { type ConnectionOptions, openConnection } from "./connection.ts";
import { translate } from "./errors.ts";
import { apiPrefix } from "./identities.ts";
import { compareConsumer, compareStream, type DemandedStream, type Difference } from "./settings.ts";

export interface SurveyedStream {
  readonly name: string;
  /** False: the server has no stream of this name; the rest is then empty. */
  readonly found: boolean;
  readonly differences: readonly Difference[];
  /** Names of all its consumers, also of those that nobody agreed on. */
  readonly consumers: readonly string[];
  readonly messages: number;
}

export interface SurveyedConsumer {
  readonly stream: string;
  readonly name: string;
  readonly found: boolean;
  readonly differences: readonly Difference[];
}

export interface BusSurvey {
  readonly serverVersion: string;
  /** Why the server may confirm what is not on disk; undefined where it syncs first. */
  readonly syncProblem: TriplaneError | undefined;
  readonly streams: readonly SurveyedStream[];
  /** The consumers of the contract. */
  readonly consumers: readonly SurveyedConsumer[];
}

export interface SurveyOptions extends Omit<ConnectionOptions, "identity"> {
  readonly workspace: string;
  readonly requestTimeoutMs?: number;
}

const IDENTITY = { role: "validator" } as const;

/** With the validator's identity. Throws `bus_unreachable`, `bus_denied`, `bus_too_old`. */
export async function surveyBus(options: SurveyOptions): Promise<BusSurvey> {
  return await connected(options, async (connection, manager, timeoutMs) => {
    const streams: SurveyedStream[] = [];
    const consumers: SurveyedConsumer[] = [];
    const agreed = consumerSettings(options.workspace);
    for (const demanded of demandedStreams(options.workspace)) {
      const there = await listed(manager, demanded.name);
      streams.push(await lookAt(manager, demanded, [...(there ?? new Map()).keys()]));
      for (const consumer of agreed) if (consumer.stream === demanded.name) consumers.push(compared(consumer, there));
    }
    const syncProblem = await assertSyncAlways(connection, timeoutMs).then(() => undefined, toTriplaneError);
    // Not to be able to ask is no answer.
    if (syncProblem !== undefined && syncProblem.code !== "stream_mismatch") throw syncProblem;
    return { serverVersion: connection.info?.version ?? "unknown", syncProblem, streams, consumers };
  });
}

/** Puts an alarm on its stream and waits for the confirmation. Throws as `surveyBus`, and `publish_unconfirmed`. */
export async function raiseAlarm(options: SurveyOptions, alarm: Alarm): Promise<void> {
  await connected(options, async (connection, _manager, timeoutMs) => {
    const streams = jetstream(connection, { timeout: timeoutMs, apiPrefix: apiPrefix(IDENTITY) });
    try {
      await streams.publish(subjects(options.workspace).alarm, JSON.stringify(alarm), { timeout: timeoutMs });
    } catch (error) {
      throw translate(error, "raise an alarm", "publish_unconfirmed");
    }
  });
}

async function connected<T>(
  options: SurveyOptions,
  work: (connection: NatsConnection, manager: JetStreamManager, timeoutMs: number) => Promise<T>,
): Promise<T> {
  const timeoutMs = options.requestTimeoutMs ?? 5000;
  const connection = await openConnection({ ...options, identity: IDENTITY });
  try {
    const manager = await jetstreamManager(connection, { timeout: timeoutMs, apiPrefix: apiPrefix(IDENTITY), checkAPI: false });
    return await work(connection, manager, timeoutMs);
  } finally {
    await connection.close();
  }
}

type Listed = ReadonlyMap<string, object>;

/** Every consumer of a stream with its configuration; undefined where there is no such stream. */
async function listed(manager: JetStreamManager, stream: string): Promise<Listed | undefined> {
  try {
    const found = new Map<string, object>();
    for await (const { name, config } of manager.consumers.list(stream)) found.set(name, config);
    return found;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw translate(error, `list the consumers of ${stream}`);
  }
}

async function lookAt(manager: JetStreamManager, demanded: DemandedStream, consumers: readonly string[]): Promise<SurveyedStream> {
  const { name } = demanded;
  try {
    const { config, state } = await manager.streams.info(name);
    return { name, found: true, differences: compareStream(demanded, config), consumers, messages: state.messages };
  } catch (error) {
    if (isNotFound(error)) return { name, found: false, differences: [], consumers: [], messages: 0 };
    throw translate(error, `look at stream ${name}`);
  }
}

function compared(consumer: ConsumerSettings, there: Listed | undefined): SurveyedConsumer {
  const { stream, durable_name: name } = consumer;
  const config = there?.get(name);
  return { stream, name, found: config !== undefined, differences: config === undefined ? [] : compareConsumer(consumer, config) };
}
