// Applies one op that broke the glass on the controller's machine, while the broker is down and no controller can run.
//
// 1. The store's own lock is held: no controller works on this database meanwhile (`ops-controller-single-workqueue-consumer`).
// 2. The fencing number is one above the last lease that was active here. A controller that still lives elsewhere is refused by the
//    orchestrator from then on; the next one's lease is no lower.
// 3. The way is the controller's: verified, judged, stored with its alarm, then applied, then recorded in the outbox. Whatever was
//    accepted before and not ended goes first where it is about the same target. The outbox goes out when the broker is back.
import type { Bus, WorkMessage } from "@triplane/bus";
import { type Clock, type Random, type SigningKey, TriplaneError, verifyAuditRecord } from "@triplane/contract";
import { type Logger, sleep } from "@triplane/kit";
import type { Store } from "@triplane/store";
import { Records } from "../adapters/store-records.ts";
import { Alarms } from "../alarms.ts";
import { Applier } from "../applier.ts";
import { Intake } from "../intake.ts";
import type { ControllerMetrics } from "../metrics.ts";
import { PolicyBook } from "../policy-book.ts";
import type { Orchestrator, PolicySource } from "../ports.ts";
import { Positions } from "../positions.ts";
import { databaseStanding } from "../replay/standing.ts";
import { ControllerService, rightfulOf, subjectsOf } from "../service.ts";
import { verifyMessage } from "../verify.ts";
import { GlassBook } from "./book.ts";
import { breaksGlass, wrongNumber } from "./judge.ts";

export interface ApplyHere {
  readonly workspace: string;
  readonly policyRid: string;
  readonly key: SigningKey;
  readonly store: Store;
  readonly source: PolicySource;
  readonly orchestrator: Orchestrator;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: ControllerMetrics;
  /** How long the orchestrator may take. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

export interface AppliedHere {
  readonly jti: string;
  readonly fence: number;
  /** Undefined where it is accepted and did not end in time: the controller goes on with it. */
  readonly outcome: string | undefined;
  readonly code: string | undefined;
  /** Seconds since 1970; undefined for an op that was known before, or is not applied. */
  readonly ratifyByS: number | undefined;
}

const POLL_MS = 50;
const PARALLEL = 4;

/**
 * Throws `break_glass_impossible`, `replay_unfinished`, `sequence_gap`, `sequence_fork`, `fencing_stale`, and what verifying throws;
 * nothing is stored then. What is withheld, as for somebody frozen, is recorded as refused.
 */
export async function applyHere(compact: string, options: ApplyHere): Promise<AppliedHere> {
  const { store, clock, signal } = options;
  const records = new Records(store);
  const fence = await fenceHere(store, records);
  const stopping = new AbortController();
  let fatal: TriplaneError | undefined;
  const parts = assemble(options, records, await records.lastPosition());
  const { book, glass, shared } = parts;
  const applier = new Applier({
    ...{ ...shared, orchestrator: options.orchestrator, clock, fence, seen: await records.seen(), parallel: PARALLEL },
    signal: AbortSignal.any([signal, stopping.signal]),
    onFatal: (error) => {
      fatal = error;
    },
  });
  await book.refresh();
  await glass.look();
  const message = messageOf(compact, options);
  const jti = await assertAcceptable(message, parts, options);
  applier.resume(await records.unfinished());
  const intake = new Intake({
    ...{ ...shared, glass, clock, verifyContext: { book, audience: options }, maxDeliveries: 1 },
    onAccepted: (row, op) => applier.push(row, op),
  });
  await intake.handle([message]);
  const giveUpMs = clock.nowMs() + options.waitMs;
  while (!signal.aborted && fatal === undefined && clock.nowMs() < giveUpMs && (await records.op(jti))?.state === "accepted")
    await sleep(POLL_MS, signal);
  stopping.abort();
  await applier.idle();
  if (fatal !== undefined) throw fatal;
  return await told(jti, fence, records, glass);
}

async function told(jti: string, fence: number, records: Records, glass: GlassBook): Promise<AppliedHere> {
  const row = await records.op(jti);
  if (row === undefined) throw new TriplaneError("internal", `op ${jti} was taken in and its row is gone`);
  const use = glass.rows.find(({ subject, state }) => subject === jti && state === "open");
  const ended = row.state === "finished" ? verifyAuditRecord(row.record).claims : undefined;
  return { jti, fence, outcome: ended?.outcome, code: ended?.code, ratifyByS: use?.ratify_by };
}

/** Throws `break_glass_impossible` where no controller was ever active on this database, and nothing says what the orchestrator has seen. */
async function fenceHere(store: Store, records: Records): Promise<number> {
  if ((await databaseStanding(store)) === "begun")
    throw new TriplaneError("replay_unfinished", "the controller's database does not hold everything yet");
  const last = await records.leaseFence();
  if (last === undefined)
    throw new TriplaneError("break_glass_impossible", "no controller was ever active on this database, so its fencing number is not known");
  return last + 1;
}

function assemble(options: ApplyHere, records: Records, lastPosition: number) {
  const { workspace, policyRid, key, clock, random, logger, metrics, source } = options;
  const service = new ControllerService({ audience: { workspace, policyRid }, key, clock });
  const positions = new Positions(lastPosition);
  const alarms = new Alarms({ bus: NO_BUS, workspace, clock, logger, metrics });
  const book = new PolicyBook({ workspace, source, memory: records, clock });
  const shared = { service, records, positions, alarms, metrics, logger, random, onOutbox: () => undefined };
  return { book, glass: new GlassBook({ ...shared, policy: book, clock }), shared };
}

/** The jti of what may be taken in. Throws what stands in the way, which on the stream would have become evidence. */
async function assertAcceptable(message: WorkMessage, { book, glass, shared }: ReturnType<typeof assemble>, options: ApplyHere) {
  const verified = await verifyMessage(message, { book, audience: options });
  if (verified.kind !== "proven") throw verified.reason;
  const { decision } = verified;
  if (!breaksGlass(decision)) throw new TriplaneError("break_glass_impossible", "only what breaks the glass is applied past the broker");
  const subjects = subjectsOf(decision);
  const known = await shared.records.known(subjects);
  if (known.byJti !== undefined && rightfulOf(known, subjects) === undefined)
    throw new TriplaneError("jti_reused", `the jti ${subjects.jti} is another op's`);
  const wrong = rightfulOf(known, subjects) === undefined ? wrongNumber(decision, glass.rows) : undefined;
  if (wrong !== undefined) throw wrong;
  return decision.op.claims.jti;
}

/** It came from no stream: its number is none. */
function messageOf(compact: string, { workspace, clock }: ApplyHere): WorkMessage {
  return {
    ...{ subject: `here.${workspace}`, text: compact, raw: Buffer.from(compact), streamSeq: 0, deliveries: 1, storedAtMs: clock.nowMs() },
    ackConfirmed: async () => true,
    terminate: async () => undefined,
    working: () => undefined,
    retryLater: () => undefined,
  };
}

/** What would be told at once waits for the broker as well; what has to be known is in the outbox. */
const NO_BUS: Pick<Bus, "publish"> = {
  publish: async () => {
    throw new TriplaneError("bus_unreachable", "there is no broker here");
  },
};
