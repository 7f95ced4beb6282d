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

type Steps = typeof STEPS;
export type FailpointRoom = keyof Steps;
export type Failpoint = { [R in FailpointRoom]: `${R}.${"before" | "after"}-${Steps[R][number]}` }[FailpointRoom];

/** Every failpoint, in the order in which an op passes the rooms. */
export const FAILPOINTS: readonly Failpoint[] = Object.entries(STEPS).flatMap(([room, names]) =>
  names.flatMap((name) => [`${room}.before-${name}`, `${room}.after-${name}`] as Failpoint[]),
);

/** The name of the channel on which steps are told. */
export const FAILPOINT_CHANNEL = "triplane:failpoint";

const steps = channel(FAILPOINT_CHANNEL);

/** Tells that a step is reached. With nobody listening, which is always so outside of tests, this is one comparison. */
export function failpoint(name: Failpoint): void {
  if (steps.hasSubscribers) steps.publish(name);
}
