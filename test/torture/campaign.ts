// Runs a plan: load and faults side by side, then calm, then a drain with a deadline, then the verdict.
import { sleep } from "@triplane/kit";
import { backlogOf } from "../faults/evidence.ts";
import type { Arena } from "./arena.ts";
import { sourceFor } from "./draw.ts";
import { FAULTS } from "./faults/index.ts";
import type { FaultStep, Plan } from "./plan.ts";
import { type Finding, judge } from "./verdict.ts";

export interface Told {
  /** One line for people who watch. */
  line(text: string): void;
}

export type Drained = "drained" | "stuck" | "late";

export interface CampaignResult {
  readonly plan: Plan;
  /** What every fault did, in the order in which it began. */
  readonly history: readonly string[];
  /** Faults of the plan that cannot be inflicted here, and why. */
  readonly skipped: ReadonlyMap<string, string>;
  /** Faults that failed to be inflicted: a defect of the harness. */
  readonly broken: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly drained: Drained;
  readonly open: readonly string[];
  readonly findings: readonly Finding[];
  readonly faultsMs: number;
  readonly drainMs: number;
}

const PROGRESS_EVERY_MS = 3_000;
const DRAIN_MS = 240_000;
/** Nothing moves and nothing waits for this long: what is missing does not come any more. Longer than every retry and ack wait. */
const STUCK_MS = 45_000;

/** Faults after which an outcome may have been told to nobody. */
const LOSSES = ["deleted-stream", "deleted-bucket", "torn-store", "torn-ledger"] as const;

/** Rejects when the signal fires; every fault that is on is undone first. */
export async function runCampaign(arena: Arena, plan: Plan, told: Told, signal: AbortSignal): Promise<CampaignResult> {
  const startedMs = performance.now();
  const state = { history: [] as string[], broken: [] as string[], skipped: new Map<string, string>(), active: new Set<string>() };
  const sinceStart = (): number => performance.now() - startedMs;
  const deadlineMs = plan.options.durationMs;
  const progress = setInterval(() => told.line(progressLine(arena, state.active, sinceStart())), PROGRESS_EVERY_MS);
  try {
    const lanes = plan.lanes.map((lane) => runLane(arena, lane, state, { sinceStart, deadlineMs, told, signal }));
    await Promise.all([submitInTime(arena, plan, sinceStart, signal), ...lanes]);
    signal.throwIfAborted();
    const faultsMs = sinceStart();
    told.line(`the faults end after ${seconds(faultsMs)}; waiting until everything has landed`);
    await arena.calm();
    const drained = await drain(arena, signal);
    signal.throwIfAborted();
    const open = arena.book
      .open()
      .map(({ jti, issuer, target, sent }) => `${jti} ${target} of ${issuer}, ${sent ? "confirmed" : "never confirmed"}`);
    const drainMs = sinceStart() - faultsMs;
    told.line(`${drained} after ${seconds(drainMs)}; checking`);
    await countDeaths(arena);
    const findings = await judge(arena);
    const { history, broken, skipped } = state;
    const told_ = { plan, history, skipped, broken, counts: arena.tally.counts, outcomes: arena.book.outcomes() };
    return { ...told_, drained, open, findings, faultsMs, drainMs };
  } finally {
    clearInterval(progress);
  }
}

/** Open loop: nobody waits for an answer before the next op. */
async function submitInTime(arena: Arena, plan: Plan, sinceStart: () => number, signal: AbortSignal): Promise<void> {
  for (const step of plan.load) {
    const waitMs = step.atMs - sinceStart();
    if (waitMs > 0) await sleep(waitMs, signal);
    if (signal.aborted) return;
    arena.submit(step);
  }
}

interface LaneState {
  readonly history: string[];
  readonly broken: string[];
  readonly skipped: Map<string, string>;
  readonly active: Set<string>;
}

interface LaneTools {
  readonly sinceStart: () => number;
  readonly deadlineMs: number;
  readonly told: Told;
  readonly signal: AbortSignal;
}

async function runLane(arena: Arena, lane: readonly FaultStep[], state: LaneState, tools: LaneTools): Promise<void> {
  const { sinceStart, deadlineMs, told, signal } = tools;
  for (const step of lane) {
    await sleep(Math.max(0, step.atMs - sinceStart()), signal);
    if (signal.aborted || sinceStart() >= deadlineMs) return;
    const fault = FAULTS.find(({ name }) => name === step.fault);
    const reason = await fault?.needs();
    if (fault === undefined || reason !== undefined) {
      state.skipped.set(step.fault, reason ?? "it does not exist");
      continue;
    }
    state.active.add(fault.name);
    try {
      const inflicted = await fault.inflict(arena, sourceFor(step.seed, "draws"));
      const line = `${seconds(sinceStart())} ${fault.name}: ${inflicted.what}${step.holdMs > 0 ? `, for ${seconds(step.holdMs)}` : ""}`;
      state.history.push(line);
      told.line(`         ${line}`);
      arena.tally.add(fault.name);
      await sleep(Math.min(step.holdMs, Math.max(0, deadlineMs - sinceStart())), signal);
      await inflicted.undo();
    } catch (error) {
      const line = `${seconds(sinceStart())} ${fault.name} (step ${step.id}): ${whyOf(error)}`;
      state.broken.push(line);
      told.line(`         FAILED ${line}`);
    } finally {
      state.active.delete(fault.name);
    }
  }
}

function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

/** Waits until every op has its outcome and every stream is worked off, or until nothing moves any more. */
async function drain(arena: Arena, signal: AbortSignal): Promise<Drained> {
  const deadlineMs = performance.now() + DRAIN_MS;
  let last = "";
  let sameSinceMs = performance.now();
  let mayAskAgain = LOSSES.some((name) => arena.tally.counts.has(name));
  while (!signal.aborted && performance.now() < deadlineMs) {
    const backlog = await backlogOf(arena.world).catch(() => undefined);
    const waiting = backlog === undefined ? 1 : backlog.pending + backlog.cmd + backlog.audit;
    const open = arena.book.open().length;
    if (waiting === 0 && open === 0 && arena.seatsAreIdle) return "drained";
    const now = `${JSON.stringify(backlog)} ${open} ${arena.book.stored}`;
    if (now !== last) sameSinceMs = performance.now();
    last = now;
    if (performance.now() - sameSinceMs > STUCK_MS) {
      if (!mayAskAgain) return "stuck";
      mayAskAgain = false;
      sameSinceMs = performance.now();
      await askAgain(arena, open);
    }
    await sleep(250);
  }
  return "late";
}

/** What people do who hear nothing of an op after a loss: an answer that was lost with its stream is given to whoever sends the op again. */
async function askAgain(arena: Arena, open: number): Promise<void> {
  arena.tally.add("ops without an outcome, sent again at the end", open);
  for (const seat of arena.seats.values()) {
    await seat.kill({ keep: false });
    seat.start({ resend: true });
  }
}

async function countDeaths(arena: Arena): Promise<void> {
  const { deaths } = arena.cluster;
  arena.tally.add("deaths of daemons", deaths.length);
  arena.tally.add(
    "deaths of submitters",
    [...arena.seats.values()].reduce((sum, seat) => sum + seat.deaths, 0),
  );
  arena.tally.add("failpoints fired", (await arena.cluster.fired()).length);
}

function progressLine(arena: Arena, active: ReadonlySet<string>, sinceMs: number): string {
  const { book } = arena;
  const [oldest] = book.open();
  const age = oldest === undefined ? "none open" : `oldest open ${seconds(oldest.ageMs)}`;
  const faults = active.size === 0 ? "calm" : [...active].join(" + ");
  return `${seconds(sinceMs).padStart(7)}  ops ${book.finished}/${book.stored}/${book.ordered} (ended/stored/ordered), ${age}; ${faults}`;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
