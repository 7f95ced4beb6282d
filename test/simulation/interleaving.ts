// One interleaving: a drawn workload, drawn mishaps, then calm until everything has come to rest, then the checks.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { FAILPOINT_CHANNEL } from "@triplane/contract";
import { dice as newDice, Scheduler, type SimulatedProcess, type TraceLine, useVirtualTimers } from "@triplane/testkit";
import { checkAtRest } from "./checks.ts";
import { Crowd } from "./crowd.ts";
import { forgedAdmission, POLICIES, START_MS } from "./people.ts";
import { isQuiet, type Mutation, Platform } from "./platform.ts";
import { type Role, Tally } from "./role.ts";
import { Watch } from "./watch.ts";
import { type Mishap, Weather } from "./weather.ts";
import { drawWorkload } from "./workload.ts";

export interface InterleavingOptions {
  readonly seed: string;
  readonly number: number;
  readonly mutation?: Mutation;
  /** Leaves out what is judged while it runs: only what is left at the end counts. */
  readonly onlyAtRest?: boolean;
  readonly keepTrace?: boolean;
}

export interface InterleavingResult {
  readonly violations: readonly string[];
  /** Two runs with one hash did the same. */
  readonly hash: string;
  readonly trace: readonly TraceLine[];
  readonly events: number;
  readonly virtualMs: number;
  readonly ops: number;
  /** How often what happened: mishaps, redeliveries, outcomes, codes of failures. */
  readonly happened: Readonly<Record<string, number>>;
  /** Failpoints at which a process died. */
  readonly failpoints: readonly string[];
}

/** Longest time, virtual, in which things go wrong; and in which everything has to come to rest afterwards. */
const STORM_MS = 60_000;
const CALM_MS = 300_000;

/** The same seed and number give the same interleaving, event for event. */
export async function runInterleaving({ seed, number, mutation, keepTrace, onlyAtRest }: InterleavingOptions): Promise<InterleavingResult> {
  const dice = newDice(`${seed}/${number}`);
  const scheduler = new Scheduler({ startMs: START_MS, keepTrace: keepTrace === true });
  const restoreTimers = useVirtualTimers(scheduler);
  const tally = new Tally();
  const failpoints: string[] = [];
  const workload = drawWorkload(dice.fork("workload"));
  const watch = new Watch(tally);
  const weather = new Weather({
    dice: dice.fork("weather"),
    happen: (mishap, process) => {
      tally.count(mishap);
      befall(mishap, process);
    },
    isExposed: (process) => platform.role(process) !== undefined,
  });
  const common = { scheduler, faults: weather, dice: dice.fork("world") };
  const platform: Platform = new Platform({ ...common, watch, tally, mutation });
  const befall = mishapsOf({ ...common, platform });
  watch.watch(platform);
  const crowd = new Crowd({ ...common, broker: platform.broker, workload });
  watch.onReviewItem = (item) => crowd.onReviewItem(item);
  const onFailpoint = (name: unknown): void => {
    const process = scheduler.current;
    if (process?.alive === true && weather.atFailpoint(process, String(name))) failpoints.push(String(name));
  };

  // Most failures here are drawn, and nobody reads where they were made.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = keepTrace === true ? stackTraceLimit : 0;
  subscribe(FAILPOINT_CHANNEL, onFailpoint);
  try {
    for (const role of platform.roles) role.start(common.dice.between(0, 200));
    crowd.start();
    if (workload.newPolicyAfterMs !== undefined) scheduler.plan(workload.newPolicyAfterMs, undefined, () => platform.movePolicy());
    const isAtRest = (): boolean =>
      crowd.isDone && [...crowd.confirmed].every((subject) => platform.ledger.has(subject)) && isQuiet(platform);
    await scheduler.runUntil(isAtRest, common.dice.between(2000, STORM_MS));
    weather.calm();
    for (const role of platform.roles) role.cut(false);
    platform.broker.restart();
    const rested = await scheduler.runUntil(isAtRest, CALM_MS);
    const { forged } = workload;
    if (onlyAtRest === true) watch.violations.length = 0;
    const violations = checkAtRest(platform, watch, {
      asked: crowd.asked,
      confirmed: crowd.confirmed,
      forged: forged === undefined ? undefined : { subject: forged.claims.jti, text: forgedAdmission(forged) },
      policies: POLICIES,
    });
    for (const { claims } of platform.ledger.records)
      tally.count(claims.code === undefined ? claims.outcome : `${claims.outcome} ${claims.code}`);
    return {
      violations: rested ? violations : [...violations, `I7: it did not come to rest within ${CALM_MS} virtual ms`],
      hash: scheduler.hash,
      trace: scheduler.lines,
      events: scheduler.events,
      virtualMs: scheduler.elapsedMs,
      ops: workload.submissions.length,
      happened: tally.counts,
      failpoints,
    };
  } finally {
    unsubscribe(FAILPOINT_CHANNEL, onFailpoint);
    restoreTimers();
    Error.stackTraceLimit = stackTraceLimit;
  }
}

interface MishapParts {
  readonly scheduler: Scheduler;
  readonly platform: Platform;
  readonly dice: ReturnType<typeof newDice>;
}

function mishapsOf({ scheduler, platform, dice }: MishapParts): (mishap: Mishap, process: SimulatedProcess) => void {
  const later = (afterMs: number, act: () => void): void => void scheduler.plan(afterMs, undefined, act);
  const hold = (role: Role, process: SimulatedProcess): void => {
    // A controller mostly for longer than its lease lasts: another one takes over, and then this one goes on.
    const isShort = dice.chance(role.name.startsWith("controller") ? 0.2 : 0.5);
    const forMs = isShort ? dice.between(20, 2000) : dice.between(5000, 25_000);
    scheduler.hold(process, forMs);
    // Whoever supervises it may take it for dead and start another; an orchestrator's store cannot be opened beside it.
    if (forMs < 5000 || role.name === "orchestrator" || dice.chance(0.4)) return;
    later(dice.between(1000, forMs), () => {
      if (process.alive && role.process === process) role.replace();
    });
  };
  return (mishap, process) => {
    const role = platform.role(process);
    if (role === undefined) return;
    switch (mishap) {
      case "kill":
        return role.kill();
      case "hold":
        return hold(role, process);
      case "stop":
        return role.stop();
      case "cut":
        role.cut(true);
        return later(dice.between(50, 12_000), () => role.cut(false));
      case "broker":
        platform.broker.crash();
        return later(dice.between(20, 6000), () => platform.broker.restart());
    }
  };
}
