// Key-value buckets over plain reads and publishes with an expected sequence, so that a bucket costs three subjects of rights.
//
// The layout is that of NATS key-value (ADR-8): stream `KV_<bucket>`, subject `$KV.<bucket>.<key>`; `nats kv` reads it.

import type { JetStreamClient } from "@nats-io/jetstream";
import { TriplaneError } from "@triplane/contract";
import { isWrongLastSequence, translate } from "./errors.ts";
import type { Link } from "./link.ts";
import type { Reads } from "./reads.ts";
import type { BusMessage, KeyValue, KvEntry } from "./types.ts";

// One token: a key can neither reach into another bucket nor be a wildcard.
const KEY = /^[-/_=A-Za-z0-9]{1,128}$/;

export function keyValueBucket(link: Link, jetstream: JetStreamClient, reads: Reads, bucket: string): KeyValue {
  const stream = `KV_${bucket}`;
  const prefix = `$KV.${bucket}.`;

  const subjectOf = (key: string): string => {
    if (!KEY.test(key)) throw new TriplaneError("usage", `${JSON.stringify(key.slice(0, 64))} is not a key of bucket ${bucket}`);
    return `${prefix}${key}`;
  };
  const entryOf = (message: BusMessage): KvEntry => {
    if (message.text === undefined) throw new TriplaneError("internal", `the value of ${message.subject} is not UTF-8`);
    return { key: message.subject.slice(prefix.length), value: message.text, revision: message.streamSeq };
  };
  const write = async (key: string, value: string, lastSubjectSequence: number): Promise<number | undefined> => {
    const subject = subjectOf(key);
    try {
      const ack = await link.ask(() => jetstream.publish(subject, value, { expect: { lastSubjectSequence }, timeout: link.timeoutMs }));
      return ack.seq;
    } catch (error) {
      if (isWrongLastSequence(error)) return undefined;
      throw translate(error, `write ${bucket}/${key}`, "publish_unconfirmed");
    }
  };

  return {
    get: async (key) => {
      const message = await reads.last(stream, subjectOf(key));
      return message === undefined ? undefined : entryOf(message);
    },
    history: async (key) => (await reads.all(stream, subjectOf(key))).map(entryOf).reverse(),
    keys: async () => (await reads.lastOfEach(stream, `${prefix}*`)).map((message) => entryOf(message).key),
    create: (key, value) => write(key, value, 0),
    update: (key, value, expectedRevision) => write(key, value, expectedRevision),
  };
}
