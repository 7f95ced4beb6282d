// JetStream by its raw API: plain requests, JSON answers, nothing created, nothing acked.
import { connect, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";

export interface NatsSource {
  readonly url: string;
  /** Of an identity that may ask the whole JetStream API: the provisioner's. */
  readonly nkeySeed: string;
  readonly inboxPrefix: string;
}

export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  readonly bytes: Buffer;
}

export interface StreamInfo {
  readonly config: Readonly<Record<string, unknown>>;
  readonly messages: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export interface ConsumerInfo {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly pending: number;
  readonly unacked: number;
  readonly ackFloorSeq: number;
}

const TIMEOUT_MS = 10_000;
const TOGETHER = 64;
const NO_MESSAGE = 10_037;
const NO_STREAM = 10_059;

type Answer = Record<string, unknown> & {
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
};

export class NatsApi implements AsyncDisposable {
  readonly #connection: NatsConnection;

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  static async open(source: NatsSource): Promise<NatsApi> {
    const { url, nkeySeed, inboxPrefix } = source;
    const authenticator = nkeyAuthenticator(new TextEncoder().encode(nkeySeed.trim()));
    return new NatsApi(
      await connect({ servers: url, name: "triplane-check", authenticator, inboxPrefix, timeout: 5000, reconnect: false }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }

  /** Whether the server says that it syncs before it confirms. */
  async syncsAlways(): Promise<boolean | undefined> {
    const message = await this.#connection.request("$SYS.REQ.SERVER.PING.VARZ", "", { timeout: TIMEOUT_MS });
    const answer = JSON.parse(message.string()) as { data?: { jetstream?: { config?: { sync_always?: unknown } } } };
    const said = answer.data?.jetstream?.config?.sync_always;
    return typeof said === "boolean" ? said : undefined;
  }

  /** Undefined where there is no such stream. */
  async stream(name: string): Promise<StreamInfo | undefined> {
    const answer = await this.#ask(`STREAM.INFO.${name}`, {});
    if (answer.error?.err_code === NO_STREAM) return undefined;
    assertAnswered(answer, `stream ${name}`);
    const state = answer["state"] as { readonly messages: number; readonly first_seq: number; readonly last_seq: number };
    return {
      config: answer["config"] as Record<string, unknown>,
      messages: state.messages,
      firstSeq: state.first_seq,
      lastSeq: state.last_seq,
    };
  }

  /** Every consumer of a stream, ephemeral ones too. */
  async consumers(stream: string): Promise<readonly ConsumerInfo[]> {
    const found: ConsumerInfo[] = [];
    for (;;) {
      const answer = await this.#ask(`CONSUMER.LIST.${stream}`, { offset: found.length });
      assertAnswered(answer, `consumers of ${stream}`);
      const page = (answer["consumers"] ?? []) as readonly Record<string, unknown>[];
      for (const info of page) {
        found.push({
          name: String(info["name"]),
          config: info["config"] as Record<string, unknown>,
          pending: Number(info["num_pending"]),
          unacked: Number(info["num_ack_pending"]),
          ackFloorSeq: Number((info["ack_floor"] as { readonly stream_seq?: number } | undefined)?.stream_seq ?? 0),
        });
      }
      if (page.length === 0 || found.length >= Number(answer["total"] ?? 0)) return found;
    }
  }

  /** Every message that a stream holds now, in order. */
  async messages(stream: string, info: StreamInfo, take: (message: StoredMessage) => void): Promise<void> {
    if (info.messages === 0) return;
    const isDense = info.messages * 2 > info.lastSeq - info.firstSeq;
    if (!isDense) {
      for (let seq = info.firstSeq; ; ) {
        const message = await this.#get(stream, { seq, next_by_subj: ">" });
        if (message === undefined) return;
        take(message);
        seq = message.seq + 1;
      }
    }
    for (let from = info.firstSeq; from <= info.lastSeq; from += TOGETHER) {
      const seqs = Array.from({ length: Math.min(TOGETHER, info.lastSeq - from + 1) }, (_, at) => from + at);
      for (const message of await Promise.all(seqs.map((seq) => this.#get(stream, { seq })))) if (message !== undefined) take(message);
    }
  }

  async lastOf(stream: string, subject: string): Promise<StoredMessage | undefined> {
    return await this.#get(stream, { last_by_subj: subject });
  }

  async #get(stream: string, what: object): Promise<StoredMessage | undefined> {
    const answer = await this.#ask(`STREAM.MSG.GET.${stream}`, what);
    if (answer.error?.err_code === NO_MESSAGE) return undefined;
    assertAnswered(answer, `a message of ${stream}`);
    const message = answer["message"] as { readonly subject: string; readonly seq: number; readonly data?: string };
    return { subject: message.subject, seq: message.seq, bytes: Buffer.from(message.data ?? "", "base64") };
  }

  async #ask(subject: string, body: object): Promise<Answer> {
    const message = await this.#connection.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: TIMEOUT_MS });
    return JSON.parse(message.string()) as Answer;
  }
}

function assertAnswered(answer: Answer, what: string): void {
  if (answer.error !== undefined) throw new Error(`${what}: ${answer.error.description ?? `error ${answer.error.code}`}`);
}
