// Stream and consumer settings as data. Start-up compares the server with them and refuses a difference.
import { buckets, CONSUMERS, streamNames, subjects } from "./names.ts";

/** What the contract fixes about a stream. Times in nanoseconds as JetStream has them, sizes in bytes; 0 and -1 mean no limit as JetStream defines. */
export interface StreamSettings {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly retention: "workqueue" | "limits";
  readonly storage: "file";
  readonly discard: "new" | "old";
  readonly max_age: number;
  readonly max_msgs: number;
  readonly max_bytes: number;
  readonly max_msg_size: number;
  readonly max_msgs_per_subject: number;
  readonly duplicate_window: number;
  readonly deny_delete: boolean;
  readonly deny_purge: boolean;
  readonly allow_direct: boolean;
}

export interface ConsumerSettings {
  readonly stream: string;
  readonly durable_name: string;
  readonly filter_subject: string;
  readonly ack_policy: "explicit";
  readonly deliver_policy: "all";
  readonly ack_wait: number;
  readonly max_ack_pending: number;
  readonly max_deliver: -1;
}

const SECOND = 1_000_000_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const MIB = 1024 * 1024;

/** All streams of a workspace. Source: design of the ops contract; ADR-003 for the answer and alarm streams. */
export function streamSettings(workspace: string): readonly StreamSettings[] {
  const names = streamNames(workspace);
  const on = subjects(workspace);
  const common = {
    storage: "file",
    max_msgs: -1,
    max_msg_size: 128 * 1024,
    max_msgs_per_subject: -1,
    duplicate_window: 2 * MINUTE,
    deny_delete: true,
    deny_purge: true,
    allow_direct: false,
  } as const;
  return [
    // Nothing accepted is ever pushed out: discard new, no age limit, no purge, no delete.
    {
      ...common,
      name: names.pending,
      subjects: [on.pending],
      retention: "workqueue",
      discard: "new",
      max_age: 0,
      max_bytes: 1024 * MIB,
      max_msg_size: 32 * 1024,
    },
    { ...common, name: names.cmd, subjects: [on.cmd], retention: "workqueue", discard: "new", max_age: 0, max_bytes: 1024 * MIB },
    // Reviews and approvals: read many times by people, kept long past any op's lifetime.
    {
      ...common,
      name: names.review,
      subjects: [on.reviewAll, on.approvalAll],
      retention: "limits",
      discard: "new",
      max_age: 90 * DAY,
      max_bytes: 512 * MIB,
      allow_direct: true,
    },
    // Kept at least until mirrored: discard new stops the controller's outbox instead of losing a record.
    { ...common, name: names.audit, subjects: [on.audit], retention: "limits", discard: "new", max_age: 0, max_bytes: 4096 * MIB },
    // Answers to submitters and alarms are conveniences: the proof is the ledger.
    {
      ...common,
      name: names.answer,
      subjects: [on.answerAll],
      retention: "limits",
      discard: "old",
      max_age: 30 * DAY,
      max_bytes: 512 * MIB,
      max_msgs_per_subject: 1,
      allow_direct: true,
    },
    {
      ...common,
      name: names.alarm,
      subjects: [on.alarm],
      retention: "limits",
      discard: "old",
      max_age: 90 * DAY,
      max_bytes: 64 * MIB,
      allow_direct: true,
    },
  ];
}

/** All durable pull consumers of a workspace; attempts are counted by us, so `max_deliver` is -1. */
export function consumerSettings(workspace: string): readonly ConsumerSettings[] {
  const names = streamNames(workspace);
  const on = subjects(workspace);
  const common = { ack_policy: "explicit", deliver_policy: "all", max_deliver: -1 } as const;
  return [
    {
      ...common,
      stream: names.pending,
      durable_name: CONSUMERS.pending,
      filter_subject: on.pending,
      ack_wait: 10 * SECOND,
      // The keeper decides in stream order all the same: it holds back what is not in turn.
      max_ack_pending: 256,
    },
    {
      ...common,
      stream: names.review,
      durable_name: CONSUMERS.approval,
      filter_subject: on.approvalAll,
      ack_wait: 10 * SECOND,
      max_ack_pending: 1,
    },
    {
      ...common,
      stream: names.cmd,
      durable_name: CONSUMERS.cmd,
      filter_subject: on.cmd,
      ack_wait: 10 * SECOND,
      // As with the keeper: what is not in turn is held back, and a batch is stored in order by one commit.
      max_ack_pending: 256,
    },
    {
      ...common,
      stream: names.audit,
      durable_name: CONSUMERS.audit,
      filter_subject: on.audit,
      ack_wait: 30 * SECOND,
      max_ack_pending: 500,
    },
  ];
}

export interface BucketSettings {
  readonly bucket: string;
  /** Revisions kept per key. */
  readonly history: number;
  /** Milliseconds until a value expires; 0 = never. */
  readonly ttlMs: number;
}

/** Key-value buckets. The sequence bucket keeps 64 revisions so that a recent duplicate is told from a fork. */
export function bucketSettings(workspace: string): readonly BucketSettings[] {
  const names = buckets(workspace);
  return [
    { bucket: names.seq, history: 64, ttlMs: 0 },
    { bucket: names.lease, history: 1, ttlMs: 0 },
  ];
}
