// Compares what the server has with what the contract demands. Pure.

import type { ConsumerConfig, StreamConfig } from "@nats-io/jetstream";
import type { BucketSettings, ConsumerSettings, StreamSettings } from "@triplane/contract";

/** One setting that is not as demanded. */
export interface Difference {
  /** `<stream>` or `<stream>/<durable>`. */
  readonly of: string;
  readonly setting: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** What the contract fixes about streams, and nothing that it leaves to the operator of the server (replicas, placement). */
export type DemandedStream = StreamSettings;

/** The stream under a key-value bucket. Writers may not roll up or purge: a sequence's history is evidence. */
export function bucketStream(bucket: BucketSettings): DemandedStream {
  return {
    name: `KV_${bucket.bucket}`,
    subjects: [`$KV.${bucket.bucket}.>`],
    retention: "limits",
    storage: "file",
    discard: "new",
    max_age: bucket.ttlMs * 1_000_000,
    max_msgs: -1,
    max_bytes: -1,
    max_msg_size: 128 * 1024,
    max_msgs_per_subject: bucket.history,
    duplicate_window: 120_000_000_000,
    deny_delete: true,
    deny_purge: true,
    allow_direct: true,
  };
}

/** Features that would let messages vanish, be copied away, or appear without having been published. None may be on. */
const FORBIDDEN_STREAM_FEATURES = [
  "mirror",
  "sources",
  "republish",
  "subject_transform",
  "no_ack",
  "sealed",
  "allow_rollup_hdrs",
  "discard_new_per_subject",
  "allow_msg_ttl",
  "allow_msg_counter",
  "allow_msg_schedules",
  "subject_delete_marker_ttl",
] as const;

const FORBIDDEN_CONSUMER_FEATURES = [
  "deliver_subject",
  "deliver_group",
  "filter_subjects",
  "backoff",
  "headers_only",
  "inactive_threshold",
  "mem_storage",
  "pause_until",
  "priority_groups",
  "rate_limit_bps",
  "sample_freq",
] as const;

export function compareStream(expected: DemandedStream, actual: Partial<StreamConfig>): readonly Difference[] {
  return [...compare(expected.name, expected, actual), ...forbidden(expected.name, FORBIDDEN_STREAM_FEATURES, actual)];
}

export function compareConsumer(expected: ConsumerSettings, actual: Partial<ConsumerConfig>): readonly Difference[] {
  const { stream, ...settings } = expected;
  const of = `${stream}/${expected.durable_name}`;
  return [...compare(of, { ...settings, replay_policy: "instant" }, actual), ...forbidden(of, FORBIDDEN_CONSUMER_FEATURES, actual)];
}

function compare(of: string, expected: object, actual: object): readonly Difference[] {
  const have = new Map<string, unknown>(Object.entries(actual));
  return Object.entries(expected)
    .filter(([setting, value]) => JSON.stringify(orDefault(have.get(setting), value)) !== JSON.stringify(value))
    .map(([setting, value]) => ({ of, setting, expected: value, actual: have.get(setting) }));
}

/** The server leaves out of its answer what is false or zero. */
function orDefault(actual: unknown, expected: unknown): unknown {
  if (actual !== undefined) return actual;
  return expected === false || expected === 0 ? expected : undefined;
}

function forbidden(of: string, features: readonly string[], actual: object): readonly Difference[] {
  const have = new Map<string, unknown>(Object.entries(actual));
  return features
    .filter((feature) => isOn(have.get(feature)))
    .map((setting) => ({ of, setting, expected: undefined, actual: have.get(setting) }));
}

function isOn(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === "" || value === "0") return false;
  return !(Array.isArray(value) && value.length === 0);
}

/** One line a difference, for messages. */
export function describeDifferences(differences: readonly Difference[]): string {
  return differences
    .map(({ of, setting, expected, actual }) => `${of}: ${setting} is ${show(actual)}, must be ${show(expected)}`)
    .join("; ");
}

function show(value: unknown): string {
  return value === undefined ? "not set" : JSON.stringify(value);
}
