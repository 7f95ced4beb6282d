// Named steps of an op's way, between any two things that another process could see. A test stops a process at one of them.
//
// Nothing in a daemon listens, reads a variable or takes an option for this: a listener gets in only with a module that is loaded
// before the daemon, and that module is in the private test kit, which no installation has.
import { channel } from "node:diagnostics_channel";

const STEPS = {
  /** The op goes to disk in the outbox, then to the broker. */
  submitter: ["spool", "publish"],
  keeper: ["decide", "sequence", "publish", "ack"],
  /** `apply` is the call of the orchestrator, `record` the commit of result and outbox row, `mark` the removal from the outbox. */
  controller: ["verify", "persist", "ack", "apply", "record", "publish", "mark"],
  /** `intent` and `record` are commits, `effect` is the driver's. */
  orchestrator: ["intent", "effect", "record"],
  /** `write` makes objects that nobody names yet, `push` sets the refs that name them. */
  mirror: ["write", "push", "ack"],
} as const;

/** Steps of a lease, which is no op: `intent`, `attempt`, `record` and `end` are commits, `create` and `destroy` the provider's. */
const LEASE_STEPS = {
  pool: ["intent", "attempt", "create", "record", "destroy", "end"],
} as const;

/** Steps of a golden image, which is no op either: `change` is each change of one image's labels. */
const GOLDEN_STEPS = {
  golden: ["build", "canary", "smoke", "contents", "change", "remove"],
} as const;

type StepsOf<S extends Record<string, readonly string[]>> = {
  [R in keyof S & string]: `${R}.${"before" | "after"}-${S[R][number]}`;
}[keyof S & string];
export type FailpointRoom = keyof typeof STEPS;
export type Failpoint = StepsOf<typeof STEPS>;
export type LeaseFailpoint = StepsOf<typeof LEASE_STEPS>;
export type GoldenFailpoint = StepsOf<typeof GOLDEN_STEPS>;

/** Every failpoint, in the order in which an op passes the rooms. */
export const FAILPOINTS: readonly Failpoint[] = namesOf(STEPS);
/** Every failpoint in the life of a lease, in its order. */
export const LEASE_FAILPOINTS: readonly LeaseFailpoint[] = namesOf(LEASE_STEPS);
/** Every failpoint on the way of a golden image, in its order. */
export const GOLDEN_FAILPOINTS: readonly GoldenFailpoint[] = namesOf(GOLDEN_STEPS);

function namesOf<S extends Record<string, readonly string[]>>(steps: S): readonly StepsOf<S>[] {
  return Object.entries(steps).flatMap(([room, names]) =>
    names.flatMap((name) => [`${room}.before-${name}`, `${room}.after-${name}`] as StepsOf<S>[]),
  );
}

/** The name of the channel on which steps are told. */
export const FAILPOINT_CHANNEL = "triplane:failpoint";

const steps = channel(FAILPOINT_CHANNEL);

/** Tells that a step is reached. With nobody listening, which is always so outside of tests, this is one comparison. */
export function failpoint(name: Failpoint | LeaseFailpoint | GoldenFailpoint): void {
  if (steps.hasSubscribers) steps.publish(name);
}
