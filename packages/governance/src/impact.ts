// What a proposed policy would have changed: its decisions about the ledger's past ops beside those of the policy in force.
//
// 1. Both policies are simulated in the same way, so that what differs is the proposal and nothing else.
// 2. Pure: ops and policies in, a report out. Whoever reads the report can make it themselves from the same ledger.
import {
  CHANGES,
  type Change,
  changeBetween,
  describeQuorums,
  type Policy,
  type Quorum,
  quorumsOf,
  seatsOf,
  signerOf,
  simulate,
  type WeakestPath,
  weakestPaths,
  withFormerKeys,
} from "@triplane/policy";
import type { PastOps } from "./past-ops.ts";

export interface ImpactExample {
  readonly jti: string;
  readonly principal: string;
  readonly op: string;
  readonly target: string;
  readonly decidedAtS: number;
  readonly before: string;
  readonly after: string;
}

export interface ImpactGroup {
  readonly change: Change;
  readonly count: number;
  /** The newest ones, of different people, kinds and targets. */
  readonly examples: readonly ImpactExample[];
}

/** A rule by which an op gets through with fewer people than before, or by a way that was not there. */
export interface WeakerPath {
  readonly rule: string;
  /** Undefined for a rule that was not there. */
  readonly peopleBefore: number | undefined;
  readonly people: number;
  readonly kinds: readonly string[];
  readonly targets: readonly string[];
}

export interface Impact {
  /** Seconds since 1970. */
  readonly sinceS: number;
  /** Ops that were held against both policies. */
  readonly ops: number;
  readonly undecided: number;
  /** The most dangerous change first; changes that no op shows are left out. */
  readonly groups: readonly ImpactGroup[];
  readonly weaker: readonly WeakerPath[];
  readonly lostGuards: readonly LostGuard[];
}

/** A rule that denied or asked people, and does so no longer for some of what it covered. */
export interface LostGuard {
  readonly rule: string;
  readonly list: "deny" | "review" | "unopposed";
  /** One sentence for people. */
  readonly what: string;
}

export const CHANGE_TITLES = {
  newly_allowed: "newly allowed",
  no_longer_asked: "no longer asks people",
  newly_asked: "newly asks people",
  newly_denied: "newly denied",
} as const satisfies Record<Change, string>;

const MAX_EXAMPLES = 5;

/** `past` reaches back further than `sinceS` by what the policies count. */
export function impactOf(inForce: Policy, proposed: Policy, past: PastOps, sinceS: number): Impact {
  const before = simulate(inForce, past.ops);
  const after = simulate(withFormerKeys(proposed, inForce), past.ops);
  const found = new Map<Change, { count: number; readonly examples: Map<string, ImpactExample> }>();
  let ops = 0;
  // From the newest on, so that the examples are the newest ones.
  for (let index = past.ops.length - 1; index >= 0; index -= 1) {
    const [each, was, would] = [past.ops[index], before[index], after[index]];
    if (each === undefined || was === undefined || would === undefined || each.decidedAtS < sinceS) continue;
    ops += 1;
    const change = changeBetween(was, would);
    if (change === undefined) continue;
    const group = found.get(change) ?? { count: 0, examples: new Map() };
    found.set(change, group);
    group.count += 1;
    const { jti, op, target, iss } = each.op.claims;
    const principal = signerOf(inForce, iss)?.principal ?? signerOf(proposed, iss)?.principal ?? iss;
    const alike = `${principal} ${op} ${target}`;
    if (group.examples.size < MAX_EXAMPLES && !group.examples.has(alike))
      group.examples.set(alike, { jti, principal, op, target, decidedAtS: each.decidedAtS, before: was.text, after: would.text });
  }
  const groups = CHANGES.flatMap((change) => {
    const group = found.get(change);
    return group === undefined ? [] : [{ change, count: group.count, examples: [...group.examples.values()] }];
  });
  return { sinceS, ops, undecided: past.undecided, groups, ...weakening(inForce, proposed) };
}

/** What gets easier, whether or not an op of the past would have made use of it. */
function weakening(inForce: Policy, proposed: Policy): Pick<Impact, "weaker" | "lostGuards"> {
  return { weaker: weakerPaths(inForce, proposed), lostGuards: lostGuards(inForce, proposed) };
}

/** Rules in force that the proposed policy drops, or that cover less, ask fewer people, or hold at other times. */
export function lostGuards(inForce: Policy, proposed: Policy): readonly LostGuard[] {
  const lost: LostGuard[] = [];
  for (const list of ["deny", "review", "unopposed"] as const) {
    for (const rule of inForce[list]) {
      const now = proposed[list].find(({ id }) => id === rule.id);
      const what = now === undefined ? "it is gone" : weakerGuard(rule, now);
      if (what !== undefined) lost.push({ rule: rule.id, list, what });
    }
  }
  return lost;
}

type Guard = Policy["deny"][number] | Policy["review"][number] | Policy["unopposed"][number];

function weakerGuard(was: Guard, now: Guard): string | undefined {
  for (const part of ["kinds", "targets"] as const) {
    const missing = was[part].filter((each) => !now[part].includes(each));
    if (missing.length > 0) return `it no longer covers the ${part} ${missing.join(" ")}`;
  }
  const issuers = now.issuers === undefined ? [] : (was.issuers ?? ["everybody"]).filter((each) => now.issuers?.includes(each) !== true);
  if (issuers.length > 0) return `it no longer holds for ${issuers.join(" ")}`;
  if ("wait_s" in was && "wait_s" in now) return weakerWait(was, now);
  if (!("why" in was || "why" in now || "wait_s" in was || "wait_s" in now)) return weakerReview(was, now);
  const times = (guard: Guard): string => JSON.stringify("why" in guard ? [guard.windows ?? [], guard.dates ?? []] : []);
  return times(was) === times(now) ? undefined : "it holds at other times";
}

/** Less time to object, fewer who may, or fewer early approvals that end it. */
function weakerWait(was: Policy["unopposed"][number], now: Policy["unopposed"][number]): string | undefined {
  if (now.wait_s < was.wait_s) return `it runs after ${now.wait_s} s instead of ${was.wait_s} s`;
  const silenced = was.groups.filter((group) => !now.groups.includes(group));
  if (silenced.length > 0) return `${silenced.join(", ")} may no longer object`;
  const early = (rule: Policy["unopposed"][number]) => rule.approvals ?? Number.POSITIVE_INFINITY;
  return early(now) < early(was) ? `${now.approvals} approvals are enough for it to run at once` : undefined;
}

/** A review rule that can be met with fewer people, or without those whom it asked for. */
function weakerReview(was: Policy["review"][number], now: Policy["review"][number]): string | undefined {
  const [before, after] = [quorumsOf(was), quorumsOf(now)];
  if (seatsOf(after) < seatsOf(before)) return `it asks ${seatsOf(after)} instead of ${seatsOf(before)}`;
  const isKept = (quorum: Quorum): boolean =>
    after.some(({ approvals, groups }) => approvals >= quorum.approvals && groups.every((group) => quorum.groups.includes(group)));
  return before.every(isKept) ? undefined : `it asks for ${describeQuorums(after)} instead of ${describeQuorums(before)}`;
}

/** Ways through that need fewer people than before, whether or not an op of the past would have taken them. */
export function weakerPaths(inForce: Policy, proposed: Policy): readonly WeakerPath[] {
  const before = new Map(weakestPaths(inForce).map((path) => [path.rule, path]));
  return weakestPaths(proposed).flatMap((path) => {
    const was = before.get(path.rule);
    const isWider = was === undefined || path.people < was.people || widens(was, path);
    if (!isWider) return [];
    return [{ rule: path.rule, peopleBefore: was?.people, people: path.people, kinds: path.kinds, targets: path.targets }];
  });
}

/** Whether a rule without people reaches ops, targets or issuers that it did not reach. For rules that ask, reaching more is stricter. */
function widens(was: WeakestPath, path: WeakestPath): boolean {
  if (path.waitS !== undefined) {
    if (was.waitS === undefined ? was.people > 0 : path.waitS < was.waitS) return true;
    if (was.candidates.some((name) => !path.candidates.includes(name))) return true;
  }
  // More people for what is asked of them, or for what they may do alone.
  if (path.waitS === undefined && path.candidates.some((name) => !was.candidates.includes(name))) return true;
  if (path.people > 0) return false;
  const grown = (now: readonly string[], before: readonly string[]) => now.some((each) => !before.includes(each));
  return grown(path.kinds, was.kinds) || grown(path.targets, was.targets) || grown(path.notes, was.notes);
}

/** The impact on one line. */
export function impactSummary({ ops, groups, weaker, lostGuards }: Impact): string {
  const changes = groups.map((group) => `${group.count} ${CHANGE_TITLES[group.change]}`);
  const paths = weaker.length === 0 ? [] : [`${count(weaker.length, "weaker path")}`];
  const guards = lostGuards.length === 0 ? [] : [`${count(lostGuards.length, "weaker rule")}`];
  const said = [...changes, ...paths, ...guards];
  return `of ${count(ops, "past op")}: ${said.length === 0 ? "nothing would have changed" : said.join(", ")}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
