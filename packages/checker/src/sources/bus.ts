// What the streams of a workspace hold: ops that wait, reviews, decisions, records; what the keeper recorded; who holds the lease.
//
// 1. Read in the order in which an op moves, so that what has left one place is found in the next.
import { buckets, CONSUMERS, digestOf, reviewItemSchema, streamNames, subjects } from "@triplane/contract";
import { readToken } from "../proof/jws.ts";
import { type DecisionFacts, factsOfDecision, factsOfSignedOp, type OpFacts } from "../proof/record.ts";
import { type ConsumerInfo, NatsApi, type NatsSource, type StoredMessage, type StreamInfo } from "./nats-api.ts";

/** Something the keeper wrote into the sequence bucket before it published it. */
export interface RecordedOutput {
  readonly bucketKey: string;
  readonly opDigest: string;
  /** Of an op that was taken in under its number. */
  readonly seq: number | undefined;
  readonly isReview: boolean;
  readonly jti: string | undefined;
  /** Of the message that it published, or was to publish. */
  readonly outputDigest: string;
}

export interface ReviewState {
  readonly jti: string;
  readonly state: "open" | "closed";
  readonly opDigest: string;
  readonly op: OpFacts | undefined;
}

export interface AuditMessage {
  readonly seq: number;
  readonly digest: string;
  /** Undefined for bytes that are no record which the controller signed. */
  readonly subject: string | undefined;
}

export interface CmdMessage {
  readonly seq: number;
  readonly digest: string;
  readonly decision: DecisionFacts | undefined;
}

export interface LeaseState {
  readonly owner: string;
  readonly expiresAtMs: number;
  readonly revision: number;
}

export interface BusState {
  readonly syncsAlways: boolean | undefined;
  readonly recorded: readonly RecordedOutput[];
  /** Digests of the bytes that wait for the keeper. */
  readonly pending: ReadonlyMap<string, { readonly seq: number; readonly op: OpFacts | undefined }>;
  readonly reviews: ReadonlyMap<string, ReviewState>;
  readonly cmd: readonly CmdMessage[];
  /**
   * Messages of the two work queues that had been acked before they were read: nobody is ever given them again. Measured: nats-server
   * 2.15.1 keeps a message that was acked while its disk was full.
   */
  readonly keptThoughAcked: readonly { readonly stream: string; readonly seq: number }[];
  readonly audit: readonly AuditMessage[];
  readonly alarms: number;
  /** By name of the stream; undefined where the stream is not there. */
  readonly streams: ReadonlyMap<string, StreamInfo | undefined>;
  readonly consumers: ReadonlyMap<string, readonly ConsumerInfo[]>;
  readonly lease: LeaseState | undefined;
}

const LEASE_KEY = "ops-controller";

export async function readBus(source: NatsSource, workspace: string, controllers: ReadonlySet<string>): Promise<BusState> {
  await using api = await NatsApi.open(source);
  const names = streamNames(workspace);
  const kv = buckets(workspace);
  const streams = new Map<string, StreamInfo | undefined>();
  const consumers = new Map<string, readonly ConsumerInfo[]>();
  const read = async (stream: string, take: (message: StoredMessage) => void): Promise<void> => {
    const info = await api.stream(stream);
    streams.set(stream, info);
    if (info !== undefined) await api.messages(stream, info, take);
  };
  const recorded: RecordedOutput[] = [];
  const pending = new Map<string, { readonly seq: number; readonly op: OpFacts | undefined }>();
  const reviews = new Map<string, ReviewState>();
  const cmd: CmdMessage[] = [];
  const audit: AuditMessage[] = [];
  const on = subjects(workspace);
  await read(`KV_${kv.seq}`, (message) => recorded.push(...recordedOutputs(message, kv.seq, on.review(""))));
  const keptThoughAcked: { readonly stream: string; readonly seq: number }[] = [];
  // Asked for before its messages: what is acked while they are read is where it went to.
  const readQueue = async (stream: string, durable: string, take: (message: StoredMessage) => void): Promise<void> => {
    const present = (await api.stream(stream)) === undefined ? [] : await api.consumers(stream);
    const floor = present.find(({ name }) => name === durable)?.ackFloorSeq ?? 0;
    await read(stream, (message) => {
      if (message.seq <= floor) keptThoughAcked.push({ stream, seq: message.seq });
      else take(message);
    });
  };
  await readQueue(names.pending, CONSUMERS.pending, ({ bytes, seq }) => pending.set(digestOf(bytes), { seq, op: opOf(bytes) }));
  await read(names.review, (message) => {
    const review = message.subject.startsWith(on.review("")) ? reviewOf(message) : undefined;
    if (review !== undefined) reviews.set(review.jti, review);
  });
  await readQueue(names.cmd, CONSUMERS.cmd, ({ bytes, seq }) => cmd.push({ seq, digest: digestOf(bytes), decision: decisionOf(bytes) }));
  // Before the database is read for the last time: whatever is acked by now has to be in there.
  for (const stream of [names.pending, names.review, names.cmd, names.audit])
    if ((await api.stream(stream)) !== undefined) consumers.set(stream, await api.consumers(stream));
  await read(names.audit, ({ bytes, seq }) => audit.push({ seq, digest: digestOf(bytes), subject: subjectOf(bytes, controllers) }));
  const lease = (await api.stream(`KV_${kv.lease}`)) && (await api.lastOf(`KV_${kv.lease}`, `$KV.${kv.lease}.${LEASE_KEY}`));
  const alarms = (await api.stream(names.alarm))?.messages ?? 0;
  const syncsAlways = await api.syncsAlways();
  return {
    syncsAlways,
    recorded,
    pending,
    reviews,
    cmd,
    keptThoughAcked,
    audit,
    alarms,
    streams,
    consumers,
    lease: lease && leaseOf(lease),
  };
}

/** The consumer that works a stream off. */
export function workerOf(bus: BusState, workspace: string, stream: "cmd" | "audit"): ConsumerInfo | undefined {
  return bus.consumers.get(streamNames(workspace)[stream])?.find(({ name }) => name === CONSUMERS[stream]);
}

function recordedOutputs(message: StoredMessage, bucket: string, reviewPrefix: string): readonly RecordedOutput[] {
  const bucketKey = message.subject.slice(`$KV.${bucket}.`.length);
  if (bucketKey === "policy") return [];
  try {
    const value = JSON.parse(message.bytes.toString("utf8")) as {
      readonly op_digest: string;
      readonly seq?: number;
      readonly output: { readonly subject: string; readonly text: string };
    };
    const { subject, text } = value.output;
    const isReview = subject.startsWith(reviewPrefix);
    const jti = isReview ? subject.slice(reviewPrefix.length) : decisionOf(Buffer.from(text))?.op?.jti;
    return [{ bucketKey, opDigest: value.op_digest, seq: value.seq, isReview, jti, outputDigest: digestOf(text) }];
  } catch {
    // A value that no keeper wrote; it stands for no op.
    return [];
  }
}

function reviewOf({ bytes }: StoredMessage): ReviewState | undefined {
  try {
    const item = reviewItemSchema.parse(JSON.parse(bytes.toString("utf8")));
    const op = factsOfSignedOp(item.op);
    // Approvers may write here: only what holds the op that it names is an item.
    if (!op.verified || op.jti !== item.op_jti || op.digest !== item.op_digest) return undefined;
    return { jti: item.op_jti, state: item.state, opDigest: item.op_digest, op };
  } catch {
    return undefined;
  }
}

function decisionOf(bytes: Buffer): DecisionFacts | undefined {
  try {
    return factsOfDecision(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

function opOf(bytes: Buffer): OpFacts | undefined {
  try {
    const op = factsOfSignedOp(bytes.toString("utf8"));
    return op.verified ? op : undefined;
  } catch {
    return undefined;
  }
}

function subjectOf(bytes: Buffer, controllers: ReadonlySet<string>): string | undefined {
  try {
    const token = readToken(bytes.toString("utf8"), "audit+jwt");
    return token.verified && controllers.has(token.kid) ? token.claims.subject : undefined;
  } catch {
    return undefined;
  }
}

function leaseOf({ bytes, seq }: StoredMessage): LeaseState | undefined {
  try {
    const { owner, expires_at } = JSON.parse(bytes.toString("utf8")) as { readonly owner: string; readonly expires_at: number };
    return { owner, expiresAtMs: expires_at, revision: seq };
  } catch {
    return undefined;
  }
}
