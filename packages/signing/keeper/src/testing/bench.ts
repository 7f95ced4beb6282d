// One keeper at its desk over the bus in memory, with what the tests look at.
import {
  type Admission,
  type Alarm,
  type Refusal,
  type ReviewItem,
  reviewItemSchema,
  subjects,
  verifyAdmission,
  verifyRefusal,
} from "@triplane/contract";
import { silentLogger } from "@triplane/kit";
import { Alarms } from "../alarms.ts";
import { Desk } from "../desk.ts";
import type { PolicyInForce } from "../outputs.ts";
import type { Intake } from "../service.ts";
import { type MemoryBus, memoryBus } from "./memory-bus.ts";
import { AUDIENCE, type World, world } from "./world.ts";

export interface Bench {
  readonly world: World;
  readonly memory: MemoryBus;
  readonly desk: Desk;
  /** Submits and works off what is pending. */
  take(text: string | Uint8Array): Promise<Intake>;
  /** Works off the message at the head of the queue. */
  takeNext(inForce?: PolicyInForce): Promise<Intake>;
  /** Another process of the same keeper over the same bus. */
  restart(): Bench;
  /** The same workspace on a bus of its own. */
  fresh(): Bench;
  /** Everything on the command subject, in order. */
  commands(): readonly (Admission | Refusal)[];
  /** The last review item of a jti. */
  review(jti: string): ReviewItem | undefined;
  alarms(): readonly Alarm[];
}

export function bench(made: World = world(), memory: MemoryBus = memoryBus(AUDIENCE.workspace)): Bench {
  const on = subjects(AUDIENCE.workspace);
  memory.brokerMs = () => made.clock.nowMs();
  const alarms = new Alarms(memory.bus, AUDIENCE.workspace, made.clock, silentLogger);
  const { bus, bucket } = memory;
  const desk = new Desk({ bus, bucket, audience: AUDIENCE, key: made.keeper, clock: made.clock, logger: silentLogger, alarms });
  const self: Bench = {
    world: made,
    memory,
    desk,
    async take(text) {
      memory.submit(text, made.clock.nowMs());
      return await self.takeNext();
    },
    async takeNext(inForce = made.inForce) {
      const message = await memory.nextPending();
      if (message === undefined) throw new Error("nothing is pending");
      return (await desk.work(message, inForce)).intake;
    },
    restart: () => bench(made, memory),
    fresh: () => bench(made),
    commands: () => memory.texts(on.cmd).map(verifyCommand),
    review: (jti) => {
      const text = memory.texts(on.review(jti)).at(-1);
      return text === undefined ? undefined : reviewItemSchema.parse(JSON.parse(text));
    },
    alarms: () => memory.texts(on.alarm).map((text) => JSON.parse(text)),
  };
  return self;
}

export function verifyCommand(text: string): Admission | Refusal {
  try {
    return verifyAdmission(text);
  } catch {
    return verifyRefusal(text);
  }
}

/** The claims of a refusal; fails for an admission. */
export function refusalOf(command: Admission | Refusal | undefined): Refusal["claims"] {
  if (command === undefined || !("code" in command.claims)) throw new Error("this is no refusal");
  return command.claims;
}

export function admissionOf(command: Admission | Refusal | undefined): Admission["claims"] {
  if (command === undefined || !("basis" in command.claims)) throw new Error("this is no admission");
  return command.claims;
}
