// Known wrong orders, each wrapped around a port of the product or put into a double: the simulation has to find every one of them.
import type { WorkConsumer, WorkMessage } from "@triplane/bus";
import type { SimulatedBus } from "@triplane/testkit";
import type { Mutation } from "./platform.ts";

/** The broker's word comes before the message is with the broker. */
function hastyPublish(bus: SimulatedBus): SimulatedBus {
  return {
    ...bus,
    publish: async (subject, text) => {
      bus.publish(subject, text).catch(() => undefined);
      return { streamSeq: 0 };
    },
  };
}

/** A message is acked when it is handed out. */
function hastyAck(bus: SimulatedBus): SimulatedBus {
  const settled = async (message: WorkMessage): Promise<WorkMessage> => {
    await message.ackConfirmed();
    return { ...message, ackConfirmed: async () => true, retryLater: () => undefined };
  };
  const hasty = (consumer: WorkConsumer): WorkConsumer => ({
    next: async (options) => {
      const message = await consumer.next(options);
      return message === undefined ? undefined : await settled(message);
    },
    batch: async (options) => Promise.all((await consumer.batch(options)).map(settled)),
  });
  return { ...bus, consumer: async (stream, durable) => hasty(await bus.consumer(stream, durable)) };
}

const onlyFor =
  (wanted: string, wrap: (bus: SimulatedBus) => SimulatedBus): NonNullable<Mutation["wrapBus"]> =>
  (bus, role) =>
    role === wanted ? wrap(bus) : bus;

export const MUTATIONS: readonly Mutation[] = [
  { name: "keeper: the publish is confirmed before it is stored", wrapBus: onlyFor("keeper", hastyPublish) },
  { name: "controller: the publish is confirmed before it is stored", wrapBus: onlyFor("controller", hastyPublish) },
  { name: "keeper: acked before the output is published", wrapBus: onlyFor("keeper", hastyAck) },
  { name: "controller: acked before it is in the database", wrapBus: onlyFor("controller", hastyAck) },
  { name: "mirror: acked before it is in the ledger", wrapBus: onlyFor("mirror", hastyAck) },
  { name: "store: the last commit is forgotten with its process", storeForgetsLastCommit: true },
  { name: "ledger: confirmed before the push", ledgerConfirmsBeforePush: true },
  { name: "driver: asked again, it does it again", driverIsNotConvergent: true },
];
