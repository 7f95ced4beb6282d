// What a connection checks before it is used: server version, sync before confirmation, streams and consumers as demanded.
//
// `no-fail-open`: what an identity has the right to see and cannot read is a refusal, not a pass.

import { JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { bucketSettings, consumerSettings, streamSettings, TriplaneError } from "@triplane/contract";
import { API_CODE, translate } from "./errors.ts";
import { grantsOf, type Identity, SERVER_SETTINGS_SUBJECT, visibleConsumers, visibleStreams } from "./identities.ts";
import { bucketStream, compareConsumer, compareStream, type Difference, describeDifferences } from "./settings.ts";

/** Older servers lose or resurrect messages that they confirmed (docs/reference/bus.md). */
export const MIN_SERVER = { major: 2, minor: 14 } as const;

/** Throws `bus_too_old`; also for a version that cannot be read. */
export function assertServerVersion(version: string): void {
  const [major, minor] = (/^v?(\d+)\.(\d+)\./.exec(version) ?? []).slice(1).map(Number);
  const isNewEnough =
    major !== undefined && minor !== undefined && (major > MIN_SERVER.major || (major === MIN_SERVER.major && minor >= MIN_SERVER.minor));
  if (!isNewEnough)
    throw new TriplaneError(
      "bus_too_old",
      `the NATS server is ${version.slice(0, 40)}, needed is ${MIN_SERVER.major}.${MIN_SERVER.minor} or later`,
      {
        details: { version: version.slice(0, 40) },
      },
    );
}

/** Throws `stream_mismatch` unless the server syncs to disk before it confirms (`persist-before-ack` rests on it). */
export async function assertSyncAlways(connection: NatsConnection, timeoutMs: number): Promise<void> {
  const doing = "read the server's settings";
  let text: string;
  try {
    text = (await connection.request(SERVER_SETTINGS_SUBJECT, "", { timeout: timeoutMs })).string();
  } catch (error) {
    throw translate(error, doing);
  }
  if (syncAlwaysOf(text) !== true)
    throw new TriplaneError(
      "stream_mismatch",
      "the server confirms messages before they are on disk: jetstream sync_interval is not `always`",
      {
        hint: "Set `sync_interval: always` in the jetstream block of nats-server.conf, as the rendered configuration does.",
        details: { differences: [{ of: "server", setting: "sync_interval", expected: "always", actual: "an interval" }] },
      },
    );
}

function syncAlwaysOf(text: string): unknown {
  try {
    const answer: { data?: { jetstream?: { config?: { sync_always?: unknown } } } } = JSON.parse(text);
    return answer.data?.jetstream?.config?.sync_always;
  } catch {
    return undefined;
  }
}

/** Every difference between the server and the contract that the identity can see. Throws `stream_missing` for what does not exist. */
export async function findDifferences(manager: JetStreamManager, identity: Identity, workspace: string): Promise<readonly Difference[]> {
  const all = identity.role === "provisioner";
  const streams = visibleStreams(identity, workspace);
  const consumers = visibleConsumers(identity, workspace);
  const differences: Difference[] = [];
  for (const expected of demandedStreams(workspace)) {
    if (!all && !streams.has(expected.name)) continue;
    const info = await manager.streams.info(expected.name).catch((error: unknown) => {
      throw translate(error, `look at stream ${expected.name}`);
    });
    differences.push(...compareStream(expected, info.config));
  }
  for (const expected of consumerSettings(workspace)) {
    if (!all && !consumers.has(`${expected.stream}.${expected.durable_name}`)) continue;
    const info = await manager.consumers.info(expected.stream, expected.durable_name).catch((error: unknown) => {
      throw translate(error, `look at consumer ${expected.durable_name} of ${expected.stream}`);
    });
    differences.push(...compareConsumer(expected, info.config));
  }
  return differences;
}

/** Streams of the contract and the streams under its buckets. */
export function demandedStreams(workspace: string) {
  return [...streamSettings(workspace), ...bucketSettings(workspace).map(bucketStream)];
}

/** Throws `stream_mismatch` listing every difference. */
export function assertNoDifferences(differences: readonly Difference[]): void {
  if (differences.length > 0) throw new TriplaneError("stream_mismatch", describeDifferences(differences), { details: { differences } });
}

/** All checks for an identity, as `connectBus` makes them. */
export async function checkSetup(
  connection: NatsConnection,
  manager: JetStreamManager,
  who: { readonly identity: Identity; readonly workspace: string; readonly timeoutMs: number },
): Promise<void> {
  assertServerVersion(connection.info?.version ?? "unknown");
  if (grantsOf(who.identity, who.workspace).some((grant) => grant.subject === SERVER_SETTINGS_SUBJECT))
    await assertSyncAlways(connection, who.timeoutMs);
  assertNoDifferences(await findDifferences(manager, who.identity, who.workspace));
}

export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof JetStreamApiError && (thrown.code === API_CODE.streamNotFound || thrown.code === API_CODE.consumerNotFound);
}
