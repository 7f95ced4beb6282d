// The promises of an op's way, checked on a workspace that came to rest: each broken one is told with the id of its invariant.
//
//   const rest = await comeToRest(cluster.world, submitted);      // drained, quiet (nothing moves, something is missing) or late
//   const broken = await brokenPromises(cluster.world, submitted); // never throws for what it finds; [] where all is kept
//   const told = await checkerViolations(cluster.world);           // the same question to the checker, which shares no code with this
//
// Nothing here sends an op again: what a submitter's patience would heal is a loss all the same.
import { isDeepStrictEqual } from "node:util";
import { checkInvariants } from "@triplane/checker";
import { askHealth, type World } from "@triplane/cli";
import type { InvariantId } from "@triplane/contract";
import { sleep, toolOrName } from "@triplane/kit";
import { type LedgerRecord, verifyLedger } from "@triplane/ledger";
import {
  answersOf,
  backlogOf,
  type ControllerRows,
  controllerRows,
  type Effect,
  effectsOf,
  everythingSubmitted,
  lastOf,
  ledgerOf,
  outcomesOf,
  type Submitted,
} from "./evidence.ts";

export interface Violation {
  readonly invariant: InvariantId;
  readonly what: string;
  /** Nobody saw it broken: it could not be looked at. */
  readonly unseen?: true;
}

export type Rest = "drained" | "quiet" | "late";

export interface RestOptions {
  readonly timeoutMs?: number;
  /** Nothing waits on a stream and nothing changed for this long: what is missing now does not come any more. */
  readonly quietMs?: number;
}

// Longer than the controller's look at its outbox (5 s), its retries while the orchestrator is away, and a restart.
const QUIET_MS = 12_000;

// A look asks four daemons and the broker, and starts a git process; whoever dies takes longer to come back.
const LOOK_EVERY_MS = 400;

/** Waits until every op has its outcome and its record and the streams are empty, or until nothing moves any more. */
export async function comeToRest(world: World, submitted: readonly Submitted[], options: RestOptions = {}): Promise<Rest> {
  const deadlineMs = performance.now() + (options.timeoutMs ?? 120_000);
  let last: unknown;
  let sameSinceMs = performance.now();
  while (performance.now() < deadlineMs) {
    const seen = await look(world, submitted).catch(() => undefined);
    if (seen === undefined || !isDeepStrictEqual(seen, last)) sameSinceMs = performance.now();
    last = seen;
    if (seen !== undefined) {
      const empty = seen.pending + seen.cmd + seen.audit === 0;
      if (empty && seen.unanswered + seen.unrecorded === 0) return "drained";
      if (empty && performance.now() - sameSinceMs >= (options.quietMs ?? QUIET_MS)) return "quiet";
    }
    await sleep(LOOK_EVERY_MS);
  }
  return "late";
}

async function look(world: World, submitted: readonly Submitted[]) {
  // While a daemon is down nothing that is missing is lost.
  await Promise.all([controllerRows(world), assertHealthy(world)]);
  const outcomes = await outcomesOf(world, submitted);
  const unanswered = submitted.length - outcomes.size;
  const recorded = new Set(unanswered > 0 ? [] : (await ledgerOf(world)).map(({ subject }) => subject));
  const unrecorded = unanswered > 0 ? 0 : submitted.filter(({ op }) => !recorded.has(op.entry.jti)).length;
  return { ...(await backlogOf(world)), unanswered, unrecorded };
}

async function assertHealthy(world: World): Promise<void> {
  const { keeperHealth, controllerHealth, orchestratorHealth, mirrorHealth } = world.workspace.ports;
  for (const port of [keeperHealth, controllerHealth, orchestratorHealth, mirrorHealth])
    if (!(await askHealth(`http://127.0.0.1:${port}/healthz`)).ok) throw new Error(`what listens on port ${port} is not well`);
}

/** What the independent checker finds violated, and what of an op's way it could not judge. */
export async function checkerViolations(world: World): Promise<readonly Violation[]> {
  const { findings } = await checkInvariants({ home: world.layout.root, quiesced: true, nickel: await toolOrName("nickel") });
  return findings.flatMap(({ invariant, status, violations, why }) => {
    if (status === "violated") return violations.map(({ what }) => ({ invariant, what }));
    return status === "not-checkable" && ON_THE_WAY.includes(invariant) ? [{ invariant, what: why.join("; "), unseen: true }] : [];
  });
}

const ON_THE_WAY: readonly InvariantId[] = ["persist-before-ack", "publish-before-ack", "applied-once", "every-command-lands"];

/** Everything that is broken. What could not be looked at is broken as well. */
export async function brokenPromises(world: World, submitted: readonly Submitted[]): Promise<readonly Violation[]> {
  const ledger = await attempt("every-command-lands", "the ledger", () => ledgerOf(world));
  const rows = await attempt("persist-before-ack", "the controller's rows", () => controllerRows(world));
  const parts = [
    await part("every-command-lands", "the ledger", () => ledgerProblems(world)),
    await part("every-command-lands", "the streams", () => waitingMessages(world)),
    await part("every-command-lands", "the outboxes", () => unanswered(world, submitted)),
  ];
  if (ledger.value !== undefined) {
    const entries = ledger.value;
    parts.push(await part("every-command-lands", "the outboxes", () => recordsThatDiffer(world, entries)));
    parts.push(await part("applied-once", "the answers", () => secondRecords(world, submitted, entries)));
    parts.push(await part("applied-once", "the targets", () => versionsThatDiffer(world, submitted, entries)));
    parts.push(await part("applied-once", "the effects", async () => effectsThatDiffer(await effectsOf(world), entries)));
    if (rows.value !== undefined) parts.push(rowsThatDiffer(rows.value, entries), await losses(world, submitted, entries, rows.value));
  }
  return [...ledger.broken, ...rows.broken, ...parts.flat()];
}

async function ledgerProblems(world: World): Promise<readonly Violation[]> {
  const { pins } = world.workspace;
  const { problems, missing } = await verifyLedger(world.ledgerDir, pins.state, { policyRid: pins.policy.rid });
  return [
    ...problems.map(({ code, message }) => lands(`the ledger does not verify: ${message} [${code}]`)),
    ...missing.map(({ key, from, to }) => lands(`the ledger lacks numbers ${from} to ${to} of ${key}`)),
  ];
}

async function waitingMessages(world: World): Promise<readonly Violation[]> {
  const backlog = Object.entries(await backlogOf(world)).filter(([, count]) => count > 0);
  return backlog.map(([stream, count]) => lands(`${count} messages of the ${stream} stream are not worked off`));
}

async function unanswered(world: World, submitted: readonly Submitted[]): Promise<readonly Violation[]> {
  const outcomes = await outcomesOf(world, submitted);
  return submitted.filter(({ op }) => !outcomes.has(op.entry.jti)).map(({ op }) => lands(`${about(op)} has no outcome`));
}

/** The ledger has the ops of all outboxes, each once, and nothing else. */
async function recordsThatDiffer(world: World, ledger: readonly LedgerRecord[]): Promise<readonly Violation[]> {
  const submitted = new Map((await everythingSubmitted(world)).map(({ op }) => [op.entry.jti, op]));
  const counts = new Map<string, number>();
  for (const { subject } of ledger) counts.set(subject, (counts.get(subject) ?? 0) + 1);
  const strangers = ledger.filter(({ subject }) => !submitted.has(subject));
  return [
    ...strangers.map(({ subject, index }) => lands(`record ${index} is about ${subject}, which nobody submitted`)),
    ...[...submitted.values()]
      .filter(({ entry }) => counts.get(entry.jti) !== 1)
      .map((op) => lands(`${about(op)} has ${counts.get(op.entry.jti) ?? 0} records in the ledger`)),
  ];
}

/** A second record of one op has other bytes, whoever carries it. */
async function secondRecords(
  world: World,
  submitted: readonly Submitted[],
  ledger: readonly LedgerRecord[],
): Promise<readonly Violation[]> {
  const recorded = new Map(ledger.map(({ subject, record }) => [subject, record.token.compact]));
  const [answers, outcomes] = [await answersOf(world, submitted), await outcomesOf(world, submitted)];
  return submitted.flatMap(({ op }) => {
    const { jti } = op.entry;
    const told = [answers.get(jti), outcomes.get(jti)?.record].filter((record) => record !== undefined);
    const inLedger = recorded.get(jti);
    if (inLedger === undefined || told.every((record) => record === inLedger)) return [];
    return [once(`${about(op)} was answered with another record than the ledger has`)];
  });
}

/** The versions of a target are the applied changes that the ledger has, each version once. */
async function versionsThatDiffer(
  world: World,
  submitted: readonly Submitted[],
  ledger: readonly LedgerRecord[],
): Promise<readonly Violation[]> {
  // What desired.apply makes has versions that no op of its own name accounts for.
  const deployed = submitted.filter(({ issuer, op }) => op.claims.op === "component.deploy" && issuer !== "ci");
  const reached = new Map(deployed.map(({ op }) => [op.claims.target, [] as number[]]));
  for (const { record } of ledger) {
    const { target = "", outcome, state_version_before: before, state_version_after: after } = record.claims;
    if (outcome === "applied" && after !== undefined && after !== before) reached.get(target)?.push(after);
  }
  const broken: Violation[] = [];
  for (const [target, versions] of reached) {
    const { version } = await world.target(target);
    const sorted = versions.toSorted((a, b) => a - b);
    if (sorted.length !== version || sorted.some((each, index) => each !== index + 1))
      broken.push(once(`${target} is at version ${version}; the ledger has changes to ${sorted.join(", ") || "none"}`));
  }
  return broken;
}

/** Every change of a file was asked for by an op that the ledger has as applied, and each op changed a file once. */
function effectsThatDiffer(effects: readonly Effect[], ledger: readonly LedgerRecord[]): readonly Violation[] {
  const applied = new Set(ledger.filter(({ record }) => record.claims.outcome === "applied").map(({ subject }) => subject));
  const byOp = Map.groupBy(
    effects.filter(({ action }, index) => action !== "restore" && !isUndone(effects, index)),
    ({ jti, target }) => `${jti} at ${target}`,
  );
  return [...byOp].flatMap(([name, lines]) => [
    ...(lines.length > 1 ? [once(`the effect of ${name} happened ${lines.length} times`)] : []),
    ...(applied.has(lines[0]?.jti ?? "") ? [] : [once(`the effect of ${name} happened, and no record says so`)]),
  ]);
}

/** A later start went back to an older state, because the database that knew the newer one was lost and rebuilt. */
function isUndone(effects: readonly Effect[], index: number): boolean {
  const effect = effects[index];
  return effects
    .slice(index + 1)
    .some(({ action, target, jti }) => action === "restore" && target === effect?.target && jti !== effect.jti);
}

function rowsThatDiffer(rows: ControllerRows, ledger: readonly LedgerRecord[]): readonly Violation[] {
  return ledger.flatMap(({ subject, record, index }) => {
    const row = rows.ops.get(subject);
    if (row === undefined) return [lands(`record ${index} is about ${subject}, of which the database has no row`)];
    if (row.record === record.token.compact) return [];
    return [once(`the database has another record of ${subject} than the ledger (its row is ${row.state})`)];
  });
}

/** For each op that did not land: which hop let go of it before the next one held it. */
async function losses(
  world: World,
  submitted: readonly Submitted[],
  ledger: readonly LedgerRecord[],
  rows: ControllerRows,
): Promise<readonly Violation[]> {
  const landed = new Set(ledger.map(({ subject }) => subject));
  const lost = submitted.filter(({ op }) => !landed.has(op.entry.jti));
  if (lost.length === 0) return [];
  const backlog = await backlogOf(world);
  const heldUpTo = Math.max(0, ...[...rows.ops.values(), ...rows.rejected].map(({ stream_seq }) => stream_seq));
  const [passedCmd, passedAudit] = [await lastOf(world, "cmd"), await lastOf(world, "audit")];
  return lost.flatMap(({ op }): readonly Violation[] => {
    const row = rows.ops.get(op.entry.jti);
    if (row === undefined) {
      if (backlog.pending + backlog.cmd > 0) return [];
      if (rows.rejected.some(({ code }) => code === "poisoned"))
        return [lands(`${about(op)} may be what the controller took off as poisoned`)];
      return passedCmd > heldUpTo
        ? [{ invariant: "persist-before-ack", what: `${about(op)} was acked on the command stream, and the database has no row of it` }]
        : [{ invariant: "publish-before-ack", what: `${about(op)} was acked by the keeper, and the command stream never had it` }];
    }
    if (row.state === "accepted") return [once(`${about(op)} was accepted, and nobody goes on with it`)];
    if (backlog.audit > 0) return [];
    if (rows.outbox.has(op.entry.jti)) return [lands(`${about(op)} waits in the controller's outbox, and nobody publishes it`)];
    const published = [...rows.ops].filter(([, { state }]) => state === "finished").length <= passedAudit;
    return published
      ? [{ invariant: "persist-before-ack", what: `${about(op)} was acked on the audit stream, and the ledger has no record of it` }]
      : [lands(`${about(op)} ended, and neither the outbox nor the audit stream has its record`)];
  });
}

function lands(what: string): Violation {
  return { invariant: "every-command-lands", what };
}

function once(what: string): Violation {
  return { invariant: "applied-once", what };
}

function about(op: Submitted["op"]): string {
  return `${op.entry.jti} (${op.claims.op} ${op.claims.target})`;
}

async function attempt<T>(invariant: InvariantId, what: string, read: () => Promise<T>): Promise<{ value?: T; broken: Violation[] }> {
  try {
    return { value: await read(), broken: [] };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { broken: [{ invariant, what: `${what} could not be looked at: ${why}`, unseen: true }] };
  }
}

async function part(invariant: InvariantId, what: string, check: () => Promise<readonly Violation[]>): Promise<readonly Violation[]> {
  const { value, broken } = await attempt(invariant, what, check);
  return value ?? broken;
}
