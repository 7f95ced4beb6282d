// Something is deleted from the broker by whoever has the provisioner's right: a consumer, a bucket, a whole stream with what was in it.
//
// What nobody needs for the past is made anew by provisioning. For the rest provisioning refuses with `state_lost`, and the ledger is
// replayed; then whoever still holds an op without an outcome sends it again.
import { sourcesOfHome } from "@triplane/checker";
import { buckets, CONSUMERS, type Random, streamNames } from "@triplane/contract";
import { eventually } from "@triplane/testkit";
import { rawNats } from "../../checker/raw-nats.ts";
import { type Arena, DAEMONS } from "../arena.ts";
import { EVERYTHING } from "../claims.ts";
import { pick } from "../draw.ts";
import { anywhere, type Fault, holding } from "./fault.ts";

interface Loss {
  readonly what: string;
  /** Subject of the JetStream API, without its prefix. */
  readonly api: string;
  /** Whether provisioning alone makes it good. */
  readonly isReplaceable: boolean;
  readonly losesAnswers: boolean;
}

function consumersOf(workspace: string): readonly Loss[] {
  const names = streamNames(workspace);
  const consumers = [
    [names.pending, CONSUMERS.pending],
    [names.review, CONSUMERS.approval],
    [names.cmd, CONSUMERS.cmd],
    [names.audit, CONSUMERS.audit],
  ] as const;
  return consumers.map(([stream, durable]) => ({
    ...{
      what: `the consumer ${durable} of ${stream}`,
      api: `CONSUMER.DELETE.${stream}.${durable}`,
      isReplaceable: true,
      losesAnswers: false,
    },
  }));
}

function streamsOf(workspace: string): readonly Loss[] {
  const { pending, review, cmd, audit, answer, alarm } = streamNames(workspace);
  return [
    ...[pending, review, cmd, audit].map((name) => lossOf(name, { isReplaceable: false, losesAnswers: true })),
    lossOf(answer, { isReplaceable: true, losesAnswers: true }),
    lossOf(alarm, { isReplaceable: true, losesAnswers: false }),
  ];
}

function bucketsOf(workspace: string): readonly Loss[] {
  const { seq, lease } = buckets(workspace);
  return [
    lossOf(`KV_${seq}`, { isReplaceable: false, losesAnswers: true }),
    lossOf(`KV_${lease}`, { isReplaceable: true, losesAnswers: false }),
  ];
}

function lossOf(stream: string, how: Pick<Loss, "isReplaceable" | "losesAnswers">): Loss {
  return { what: `the stream ${stream}`, api: `STREAM.DELETE.${stream}`, ...how };
}

export const deletedConsumer: Fault = lossFault("deleted-consumer", "a consumer is deleted, and provisioned again", consumersOf);
export const deletedStream: Fault = lossFault("deleted-stream", "a stream is deleted with all that is in it", streamsOf);
export const deletedBucket: Fault = lossFault("deleted-bucket", "the bucket of numbers or of leases is deleted", bucketsOf);

function lossFault(name: string, about: string, losses: (workspace: string) => readonly Loss[]): Fault {
  return {
    name,
    about,
    holdMs: [1_000, 6_000],
    needs: anywhere,
    inflict: async (arena, random) => await inflict(arena, random, losses(arena.world.workspace.workspace)),
  };
}

async function inflict(arena: Arena, random: Random, losses: readonly Loss[]) {
  const loss = pick(random, losses);
  return await holding(arena, [EVERYTHING], async () => {
    const sources = await sourcesOfHome(arena.world.layout.root);
    const remove = async (): Promise<true> => {
      await using nats = await rawNats(sources);
      await nats.ask(loss.api, {});
      return true;
    };
    await eventually(remove, { timeoutMs: 30_000, intervalMs: 500, what: `the deletion of ${loss.what}` });
    return { what: `deleted ${loss.what}`, undo: () => makeGood(arena, loss) };
  });
}

async function makeGood(arena: Arena, loss: Loss): Promise<void> {
  if (!loss.isReplaceable) {
    const { refused } = await provisioned(arena);
    if (!refused) throw new Error(`${loss.what} was gone, and provisioning made it anew without a word`);
    arena.tally.add("losses refused with state_lost");
    return await arena.recover();
  }
  await provisioned(arena);
  for (const daemon of DAEMONS) await arena.cluster.healthy(daemon, 60_000);
  if (!loss.losesAnswers) return;
  // Outcomes that were told on a stream that is gone are told again to whoever asks again.
  for (const seat of arena.seats.values()) {
    await seat.kill({ keep: false });
    seat.start({ resend: true });
  }
}

async function provisioned(arena: Arena): Promise<{ readonly refused: boolean }> {
  try {
    await eventually(() => arena.cluster.provision().then(() => true), { timeoutMs: 20_000, intervalMs: 500 });
    return { refused: false };
  } catch (error) {
    const { cause } = error as Error;
    if (cause instanceof Error && "code" in cause && cause.code === "state_lost") return { refused: true };
    throw error;
  }
}
