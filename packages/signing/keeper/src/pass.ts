// One pass over pending messages in stream order: read what is recorded, decide one after the other, record, publish, ack.
//
// 1. Every op is decided on what the ops before it left behind, as if they had been taken one at a time. A pass ends before a
//    message that needs what an earlier one of the same pass has yet to record otherwise than by its number.
// 2. Ops of one key go out in their order; one that fails holds up those behind it, other keys go on.
// 3. Nothing is published before it is recorded, nothing acked before it is published. `persist-before-ack` `publish-before-ack`
import type { WorkMessage } from "@triplane/bus";
import {
  type Clock,
  type DecisionFacts,
  type Did,
  type Digest,
  digestOf,
  failpoint,
  nowSeconds,
  type Op,
  type ReviewItem,
} from "@triplane/contract";
import type { Signer } from "@triplane/policy";
import type { Archive } from "./archive.ts";
import type { Counter, Counters } from "./counters.ts";
import type { Effect } from "./effects.ts";
import { countFacts, isCounted } from "./facts.ts";
import { group } from "./grouping.ts";
import type { Performer } from "./performer.ts";
import { RECORD_KEYS, type SequenceRecord, type SettledRecord, type Use } from "./records.ts";
import { type Intake, type PendingMessage, type ReadMessage, readMessage, refuseGarbage, type Seat, takeIn } from "./service.ts";

export interface PassDeps {
  readonly archive: Archive;
  readonly counters: Counters;
  readonly performer: Performer;
  readonly clock: Clock;
  /** Throws `internal` for new effects that the next hop would not believe; true where they are left to somebody else. */
  keeps(effects: readonly Effect[], seat: Seat, op: Op | undefined): boolean;
}

/** What became of a pending message. */
export interface Worked {
  readonly intake: Intake;
  /** Nothing was done: from this person the next hop would not believe the decision. The message is still theirs to give back. */
  readonly kept?: boolean;
  readonly op: Op | undefined;
  readonly digest: Digest;
}

export type Handled =
  | { readonly message: WorkMessage; readonly as: "worked"; readonly worked: Worked }
  | { readonly message: WorkMessage; readonly as: "failed"; readonly error: unknown }
  /** A record was lost to another write: the message is to be decided again. */
  | { readonly message: WorkMessage; readonly as: "lost" }
  /** Not begun, or not finished because of one before it. */
  | { readonly message: WorkMessage; readonly as: "waits" };

interface Item {
  readonly message: WorkMessage;
  readonly pending: PendingMessage;
  readonly read: ReadMessage;
}

interface Gathered {
  readonly refused: SettledRecord | undefined;
  readonly settled: SettledRecord | undefined;
  readonly review: ReviewItem | undefined;
  readonly counter: Counter;
  /** The op that took this number late, where a rebuild had left it open. */
  readonly late: SequenceRecord | undefined;
  /** Uses of the issuer's keys, where any count. */
  readonly uses: ReadonlyMap<Did, readonly Use[]>;
}

interface Decided {
  readonly item: Item;
  readonly intake: Intake;
  state: "decided" | "recorded" | "lost" | "waits" | { readonly failed: unknown };
}

/** Works off messages from the first on, as far as one pass can. */
export async function runPass(deps: PassDeps, messages: readonly WorkMessage[], seat: Seat): Promise<readonly Handled[]> {
  const items = readItems(messages, seat);
  const gathered = await gather(deps, items, seat);
  const decided: Decided[] = [];
  const stopped = decideAll(deps, items, gathered, seat, decided);
  await recordAll(deps, decided);
  await sendAll(deps, decided);
  const handled = decided.map(handledOf);
  if (stopped !== undefined) handled.push(stopped);
  return [...handled, ...messages.slice(handled.length).map((message): Handled => ({ message, as: "waits" }))];
}

/** The messages of this pass, read. A jti that comes again waits for the next: its review or refusal is recorded by then. */
function readItems(messages: readonly WorkMessage[], seat: Seat): readonly Item[] {
  const seen = new Set<string>();
  const items: Item[] = [];
  for (const message of messages) {
    const digest = digestOf(message.raw);
    const pending = { text: message.text, digest, storedAtS: Math.floor(message.storedAtMs / 1000) };
    const read = readMessage(pending, seat);
    const name = read.as === "op" ? read.op.claims.jti : digest;
    if (seen.has(name)) break;
    seen.add(name);
    items.push({ message, pending, read });
  }
  return items;
}

/** Everything recorded that the items need, asked for at once. What fails, fails for its own item. */
function gather(deps: PassDeps, items: readonly Item[], seat: Seat): Promise<readonly PromiseSettledResult<Gathered | undefined>[]> {
  const { archive, counters } = deps;
  const opsOfKey = Map.groupBy(
    items.flatMap(({ read }) => (read.as === "op" ? [read.op] : [])),
    (op) => op.claims.iss,
  );
  const counterOf = once(async (did: Did): Promise<Counter> => {
    const ops = opsOfKey.get(did) ?? [];
    const counter = counters.ifNext(ops) ?? (await archive.counter(did));
    const newest = counter.records[0]?.seq ?? 0;
    const isOld = ops.some(({ claims }) => claims.seq <= newest && !isMissing(counter, claims.seq) && !holds(counter, claims.seq));
    return isOld ? { ...counter, records: await archive.history(did) } : counter;
  });
  const usesOf = once((did: Did) => archive.uses(did));
  return Promise.allSettled(
    items.map(async ({ read }): Promise<Gathered | undefined> => {
      if (read.as === "garbage") return undefined;
      const { op, issuer } = read;
      const others = isCounted(seat.inForce.policy, issuer.principal) ? issuer.entry.keys.filter((did) => did !== op.claims.iss) : [];
      const [refused, settled, review, counter, uses] = await Promise.all([
        archive.refused(op.token.digest),
        archive.settledReview(op.claims.jti),
        archive.lastReview(op.claims.jti),
        counterOf(op.claims.iss),
        Promise.all(others.map(async (did) => [did, await usesOf(did)] as const)),
      ]);
      const { iss, seq } = op.claims;
      const late = isMissing(counter, seq) ? await archive.late(iss, seq) : undefined;
      return { refused, settled, review, counter, late, uses: new Map(uses) };
    }),
  );
}

/** Decides in order. Ends at the first message that cannot be decided on, and says what became of it. */
function decideAll(
  deps: PassDeps,
  items: readonly Item[],
  gathered: readonly PromiseSettledResult<Gathered | undefined>[],
  seat: Seat,
  decided: Decided[],
): Handled | undefined {
  /** Counters as this pass moves them. */
  const moved = new Map<Did, Counter>();
  for (const [index, item] of items.entries()) {
    const { message, pending, read } = item;
    const result = gathered[index];
    try {
      if (result?.status === "rejected") throw result.reason;
      failpoint("keeper.before-decide");
      const intake = decideOne(deps, item, result?.value, seat, moved);
      failpoint("keeper.after-decide");
      const op = read.as === "op" ? read.op : undefined;
      if (isNew(intake) && deps.keeps(intake.effects, seat, op))
        return { message, as: "worked", worked: { intake, op, digest: pending.digest, kept: true } };
      const count = intake.effects.find((effect) => effect.do === "count");
      if (op !== undefined && count !== undefined) {
        const before = moved.get(op.claims.iss) ?? result?.value?.counter;
        moved.set(op.claims.iss, { revision: count.expect, records: [count.record, ...(before?.records ?? [])] });
      }
      decided.push({ item, intake, state: "decided" });
    } catch (error) {
      return { message, as: "failed", error };
    }
  }
  return undefined;
}

function decideOne(deps: PassDeps, item: Item, known: Gathered | undefined, seat: Seat, moved: ReadonlyMap<Did, Counter>): Intake {
  const { pending, read } = item;
  if (read.as === "garbage") return { verdict: "garbage", code: read.code, effects: refuseGarbage(pending, read, seat) };
  if (known === undefined) throw new Error("nothing was gathered about an op");
  const { op, issuer } = read;
  const counter = moved.get(op.claims.iss) ?? known.counter;
  const nowS = nowSeconds(deps.clock);
  const { refused, settled, review, late } = known;
  const history = late === undefined ? counter.records : [...counter.records, late];
  const recorded = { refused, settled, review, history, revision: counter.revision };
  const facts = factsOf(op, issuer, seat, nowS, (did) =>
    did === op.claims.iss ? counter.records[0]?.uses : (moved.get(did)?.records[0]?.uses ?? known.uses.get(did)),
  );
  return takeIn({ seat, op, issuer, recorded, facts, nowS });
}

function factsOf(op: Op, issuer: Signer, seat: Seat, nowS: number, usesOf: (did: Did) => readonly Use[] | undefined): DecisionFacts {
  const uses = issuer.entry.keys.flatMap((did) => usesOf(did as Did) ?? []);
  return countFacts({ policy: seat.inForce.policy, principal: issuer.principal, uses, jti: op.claims.jti, nowS });
}

/** Records every decision, keys beside one another, the ops of a key by as few writes as they fit into. */
async function recordAll(deps: PassDeps, decided: readonly Decided[]): Promise<void> {
  const counted = new Map<string, Decided[]>();
  const writes: Promise<void>[] = [];
  for (const each of decided) {
    const effect = each.intake.effects.find(({ do: what }) => what === "count" || what === "record");
    if (effect?.do === "count") counted.set(effect.key, [...(counted.get(effect.key) ?? []), each]);
    else if (effect?.do === "record") writes.push(recordOne(deps, each, effect));
    else each.state = "recorded";
  }
  for (const [key, members] of counted) writes.push(countAll(deps, key, members));
  await Promise.all(writes);
}

async function recordOne(deps: PassDeps, each: Decided, effect: Effect & { readonly do: "record" }): Promise<void> {
  try {
    each.state = (await deps.performer.record(effect.key, effect.value, effect.expect)) === undefined ? "lost" : "recorded";
  } catch (error) {
    each.state = { failed: error };
  }
}

async function countAll(deps: PassDeps, key: string, members: readonly Decided[]): Promise<void> {
  const { performer, counters } = deps;
  let revision = countOf(members[0]).expect;
  let left: readonly Decided[] = members;
  try {
    for (const { members: written, value, newest } of group(members, (member) => countOf(member).record)) {
      const now = await performer.record(key, value, revision);
      if (now === undefined) {
        counters.forget(key);
        for (const member of left) member.state = "lost";
        return;
      }
      revision = now;
      counters.set(key, now, newest);
      for (const member of written) member.state = "recorded";
      left = left.slice(written.length);
    }
  } catch (error) {
    counters.forget(key);
    for (const member of left) member.state = "waits";
    const [first] = left;
    if (first !== undefined) first.state = { failed: error };
  }
}

function countOf(each: Decided | undefined): Effect & { readonly do: "count" } {
  const effect = each?.intake.effects.find(({ do: what }) => what === "count");
  if (effect?.do !== "count") throw new Error("this op counts nothing");
  return effect;
}

/** Publishes what is recorded: the ops of a key one after the other, because the next one must not get there first. */
async function sendAll(deps: PassDeps, decided: readonly Decided[]): Promise<void> {
  const lanes = Map.groupBy(decided, ({ item }) =>
    item.read.as === "op" ? RECORD_KEYS.sequence(item.read.op.claims.iss) : item.pending.digest,
  );
  await Promise.all(
    [...lanes.values()].map(async (lane) => {
      let blocked = false;
      for (const each of lane) {
        if (blocked && each.state === "recorded") each.state = "waits";
        if (each.state !== "recorded") {
          blocked = true;
          continue;
        }
        try {
          await deps.performer.send(each.intake.effects, each.item.message);
        } catch (error) {
          each.state = { failed: error };
          blocked = true;
        }
      }
    }),
  );
}

function handledOf({ item, intake, state }: Decided): Handled {
  const { message, read, pending } = item;
  if (typeof state === "object") return { message, as: "failed", error: state.failed };
  if (state === "lost") return { message, as: "lost" };
  if (state !== "recorded") return { message, as: "waits" };
  return { message, as: "worked", worked: { intake, op: read.as === "op" ? read.op : undefined, digest: pending.digest } };
}

/** Whether something was decided now: by record, or about garbage, of which nothing is recorded. */
function isNew({ verdict, effects }: Intake): boolean {
  return verdict === "garbage" || effects.some((effect) => effect.do === "record" || effect.do === "count");
}

function isMissing({ records }: Counter, seq: number): boolean {
  return records[0]?.missing?.includes(seq) === true;
}

function holds({ records }: Counter, seq: number): boolean {
  return records.some((record) => record.seq === seq);
}

function once<T>(ask: (did: Did) => Promise<T>): (did: Did) => Promise<T> {
  const asked = new Map<Did, Promise<T>>();
  return (did) => {
    const known = asked.get(did) ?? ask(did);
    asked.set(did, known);
    return known;
  };
}
