import assert from "node:assert/strict";
import { test } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { manualClock } from "@triplane/testkit";
import fc from "fast-check";
import { PendingLine } from "./pending-line.ts";
import type { ConsumerState, WorkConsumer, WorkMessage } from "./types.ts";

/** A stream of numbered messages whose consumer hands some of them to others. */
class Stream {
  /** Messages that can be handed out, in the order in which they will be. */
  readonly ready: number[] = [];
  /** Handed out and not acked, by whomever. */
  readonly out = new Set<number>();
  readonly returned: number[] = [];
  readonly kept: number[] = [];
  asked = 0;
  failure: Error | undefined;
  last = 0;
  isFloorLate = false;

  readonly consumer: WorkConsumer = {
    next: async () => undefined,
    batch: async ({ max }) => {
      if (this.failure !== undefined) throw this.failure;
      return this.ready.splice(0, max).map((seq) => this.#deliver(seq));
    },
  };

  readonly state = async (): Promise<ConsumerState> => {
    this.asked += 1;
    const lowest = Math.min(...this.out, this.last + 1);
    return { pending: this.ready.length, unacked: this.out.size, ackFloorSeq: this.isFloorLate ? 0 : lowest - 1 };
  };

  #deliver(streamSeq: number): WorkMessage {
    this.out.add(streamSeq);
    this.last = Math.max(this.last, streamSeq);
    const text = String(streamSeq);
    return {
      subject: "ops.pending.w1",
      text,
      raw: Buffer.from(text),
      streamSeq,
      deliveries: 1,
      storedAtMs: 0,
      ackConfirmed: async () => this.out.delete(streamSeq),
      working: () => void this.kept.push(streamSeq),
      retryLater: () => void this.returned.push(streamSeq),
      terminate: async () => void this.out.delete(streamSeq),
    };
  }
}

function lineOf(stream: Stream, max = 8, ahead = false) {
  const clock = manualClock();
  return { clock, line: new PendingLine({ consumer: stream.consumer, state: stream.state, clock, max, ahead }) };
}

const seqs = (messages: readonly WorkMessage[]): readonly number[] => messages.map(({ streamSeq }) => streamSeq);

test("PendingLine: hands out what follows on without asking, after it asked once", async () => {
  const stream = new Stream();
  const { line } = lineOf(stream);
  stream.ready.push(1, 2, 3);
  const first = await line.take({ waitMs: 1 });
  assert.deepEqual(seqs(first), [1, 2, 3]);
  for (const message of first) line.done(message);
  stream.ready.push(4, 5);
  assert.deepEqual(seqs(await line.take({ waitMs: 1 })), [4, 5]);
  assert.equal(stream.asked, 1);
});

test("PendingLine: holds back what comes after a message that somebody else has, until that is settled", async () => {
  const stream = new Stream();
  const { line } = lineOf(stream);
  stream.out.add(1);
  stream.ready.push(2, 3);
  assert.deepEqual(await line.take({ waitMs: 1 }), []);
  assert.deepEqual(await line.take({ waitMs: 1 }), []);
  stream.out.delete(1);
  assert.deepEqual(seqs(await line.take({ waitMs: 1 })), [2, 3]);
});

test("PendingLine: a broker that was killed and forgot what is held here does not count for it (`every-command-lands`)", async () => {
  const stream = new Stream();
  const { line } = lineOf(stream);
  stream.ready.push(1);
  const [first] = await line.take({ waitMs: 1 });
  assert.ok(first);
  await first.ackConfirmed();
  line.done(first);
  // 2 went to a pull that nobody listened to any more.
  stream.out.add(2);
  stream.last = 2;
  stream.ready.push(3, 4, 5);
  assert.deepEqual(await line.take({ waitMs: 1 }), []);
  stream.out.clear();
  stream.out.add(2);
  assert.deepEqual(await line.take({ waitMs: 1 }), [], "fewer are out than are held here, and one of them is 2");
  stream.ready.push(2);
  assert.deepEqual(seqs(await line.take({ waitMs: 1 })), [2, 3, 4, 5]);
});

test("PendingLine: full of what is out of turn, it still takes what comes again for it (`every-command-lands`)", async () => {
  const stream = new Stream();
  const { line } = lineOf(stream, 2);
  // 1 and 2 are with a process that died.
  stream.out.add(1).add(2);
  stream.ready.push(3, 4);
  assert.deepEqual(await line.take({ waitMs: 1 }), []);
  stream.ready.push(2, 1);
  assert.deepEqual(seqs(await line.take({ waitMs: 1 })), [1, 2, 3, 4]);
});

test("PendingLine: an ack floor that lags holds nothing up for longer than a message needs to come again", async () => {
  const stream = new Stream();
  const { line, clock } = lineOf(stream);
  stream.ready.push(1);
  const [first] = await line.take({ waitMs: 1 });
  assert.ok(first);
  line.done(first);
  stream.out.clear();
  stream.isFloorLate = true;
  stream.ready.push(5);
  assert.deepEqual(await line.take({ waitMs: 1 }), []);
  clock.advance(11_000);
  assert.deepEqual(await line.take({ waitMs: 1 }), []);
  clock.advance(1_000);
  assert.deepEqual(seqs(await line.take({ waitMs: 1 })), [5]);
});

test("PendingLine: a message that the one before it lost comes first when it comes again", async () => {
  const stream = new Stream();
  const { line } = lineOf(stream);
  stream.out.add(1);
  stream.ready.push(2);
  assert.deepEqual(await line.take({ waitMs: 1 }), []);
  stream.ready.push(1);
  assert.deepEqual(seqs(await line.take({ waitMs: 1 })), [1, 2]);
});

test("PendingLine: what is not done stays first in line", async () => {
  const stream = new Stream();
  const { line } = lineOf(stream);
  stream.ready.push(1, 2);
  const [one, two] = await line.take({ waitMs: 1 });
  assert.ok(one !== undefined && two !== undefined);
  line.done(two);
  stream.ready.push(3);
  assert.deepEqual(seqs(await line.take({ waitMs: 1 })), [1]);
  line.done(one);
  assert.deepEqual(seqs(await line.take({ waitMs: 1 })), [3]);
});

test("PendingLine: an old message that comes again is handed out at once: what was decided on is only repeated", async () => {
  const stream = new Stream();
  const { line } = lineOf(stream);
  stream.ready.push(1, 2);
  for (const message of await line.take({ waitMs: 1 })) line.done(message);
  stream.ready.push(1);
  assert.deepEqual(seqs(await line.take({ waitMs: 1 })), [1]);
});

test("PendingLine: tells the broker that what waits is not forgotten, and gives it back at the end", async () => {
  const stream = new Stream();
  const { line, clock } = lineOf(stream);
  stream.out.add(1);
  stream.ready.push(2, 3);
  await line.take({ waitMs: 1 });
  clock.advance(3001);
  await line.take({ waitMs: 1 });
  assert.deepEqual(stream.kept, [2, 3]);
  await line.giveBack(0);
  assert.deepEqual(stream.returned, [2, 3]);
});

test("PendingLine: a pull that fails is told by the next call that waits for it, and then tried again", async () => {
  const stream = new Stream();
  const { line } = lineOf(stream, 8, true);
  stream.ready.push(1);
  const [one] = await line.take({ waitMs: 1 });
  stream.failure = new TriplaneError("stream_missing", "gone");
  assert.ok(one !== undefined);
  line.done(one);
  // The pull that went ahead had nothing; the next one fails.
  assert.deepEqual(await line.take({ waitMs: 1 }), []);
  await assert.rejects(line.take({ waitMs: 1 }), { code: "stream_missing" });
  stream.failure = undefined;
  stream.ready.push(2);
  assert.deepEqual(seqs(await line.take({ waitMs: 1 })), [2]);
});

test("PendingLine: whatever is lost, repeated or with others, nothing is handed out before its predecessors", async () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant("elsewhere" as const) }),
    fc.record({ what: fc.constant("returned" as const) }),
    fc.record({ what: fc.constant("take" as const), done: fc.integer({ min: 0, max: 4 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const stream = new Stream();
      const { line } = lineOf(stream, 4);
      const settled = new Set<number>();
      const others: number[] = [];
      let next = 1;
      for (const each of steps) {
        if (each.what === "elsewhere") {
          others.push(next);
          stream.out.add(next);
          stream.last = Math.max(stream.last, next);
          next += 1;
        } else if (each.what === "returned") {
          const back = others.shift();
          if (back !== undefined) stream.ready.unshift(back);
        } else {
          stream.ready.push(next);
          next += 1;
          const turn = await line.take({ waitMs: 0 });
          for (const message of turn.slice(0, each.done)) {
            for (let seq = 1; seq < message.streamSeq; seq += 1) assert.ok(settled.has(seq), `${seq} before ${message.streamSeq}`);
            settled.add(message.streamSeq);
            stream.out.delete(message.streamSeq);
            line.done(message);
          }
        }
      }
    }),
    { numRuns: 60 },
  );
});
