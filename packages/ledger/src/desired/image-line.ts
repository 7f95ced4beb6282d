// A line of image updates on top of what people approved, and how far along it the policy goes with them (ADR-030).
//
// 1. A plain line of single steps, each of them its automation's own signed head and within one rule; one step outside ends it.
// 2. People approve an update by their own signed head at it or after it in the line; each rule on the way has to have its people.
// 3. No rule lets more updates stand in a row than it says, and none brings back an image that the component had before.
import { type Did, toTriplaneError } from "@triplane/contract";
import { type ImageChange, type ImageUpdate, imagesIn, judgeImageUpdate, type Policy } from "@triplane/policy";
import { type ObjectId, type ObjectReader, openObjects } from "../git/index.ts";
import { countPeople, type KeyHolders } from "../radicle/approved-head.ts";
import { gitDirOf } from "../radicle/storage.ts";
import { treeFiles } from "../tree-files.ts";
import type { Machine } from "./machines.ts";

const MAX_BYTES = 1024 * 1024;
const MAX_LINE = 100;
/** How far back an image counts as one that the component had. */
const MAX_PAST = 200;

export interface ImageUpdateStep {
  readonly commit: ObjectId;
  readonly by: Did;
  readonly principal: string;
  /** Id of the policy's rule. */
  readonly rule: string;
  /** People who have to approve it. */
  readonly approvals: number;
  readonly changes: readonly ImageChange[];
}

export interface ImageLine {
  /** Oldest first, up to the first that is outside every rule. */
  readonly steps: readonly ImageUpdateStep[];
  /** How many of them count. */
  readonly accepted: number;
  /** People who approved the newest step, each by a key. */
  readonly approvedBy: readonly Did[];
  /** Why no more of them count; undefined where all do. */
  readonly why: string | undefined;
}

export interface LineParts {
  readonly objects: ObjectReader;
  readonly policy: Policy;
  readonly machines: readonly Machine[];
  /** Whose heads were at which commit: delegates whose head is there or after it still, or, for the past, ever was. */
  readonly approvers: (commit: ObjectId) => Promise<readonly Did[]>;
  readonly people: KeyHolders;
  /** Whether a machine stands by a commit that it named. */
  readonly standsBy: (machine: Machine, commit: ObjectId) => Promise<boolean>;
}

/** Commits after `base` up to `tip`, oldest first; undefined where that is no plain line of bearable length. */
export async function plainLine(objects: ObjectReader, base: ObjectId, tip: ObjectId): Promise<readonly ObjectId[] | undefined> {
  const line: ObjectId[] = [];
  for (let next = tip; next !== base; ) {
    if (line.length >= MAX_LINE) return undefined;
    line.unshift(next);
    const [parent, ...others] = (await objects.commit(next)).parents;
    if (parent === undefined || others.length > 0) return undefined;
    next = parent;
  }
  return line;
}

/** Judges a line that begins on `base`. */
export async function judgeLine(parts: LineParts, base: ObjectId, line: readonly ObjectId[]): Promise<ImageLine> {
  const steps: ImageUpdateStep[] = [];
  let parent = base;
  let why: string | undefined;
  for (const commit of line) {
    const step = await stepAt(parts, parent, commit);
    if (typeof step === "string") {
      why = step;
      break;
    }
    steps.push(step);
    parent = commit;
  }
  const approvers: (readonly Did[])[] = [];
  for (const { commit } of steps) approvers.push(await parts.approvers(commit));
  const policyOf = (id: string) => parts.policy.image_updates.find((rule) => rule.id === id);
  for (let count = steps.length; count > 0; count -= 1) {
    const upTo = steps.slice(0, count);
    const lacking = upTo.find((step, at) => countPeople(new Set(approvers.slice(at, count).flat()), parts.people) < step.approvals);
    const tooMany = upTo.find(({ rule }) => count > (policyOf(rule)?.max_ahead ?? 0));
    if (lacking === undefined && tooMany === undefined) return { steps, accepted: count, approvedBy: approvers.at(count - 1) ?? [], why };
    why ??=
      lacking === undefined
        ? `${tooMany?.rule}: people have to approve before more updates`
        : `${lacking.rule}: ${lacking.approvals} people approve`;
  }
  return { steps, accepted: 0, approvedBy: [], why };
}

async function stepAt(parts: LineParts, parent: ObjectId, commit: ObjectId): Promise<ImageUpdateStep | string> {
  const { objects, policy, machines, standsBy } = parts;
  let why = "no automation of the policy signed it as its own head";
  for (const machine of machines) {
    if (!machine.named.has(commit) || !(await standsBy(machine, commit))) continue;
    const update = await judged(objects, policy, machine.did, parent, commit);
    if (!update.within) why = update.why;
    else {
      const { rule, principal, changes } = update;
      return { commit, by: machine.did, principal, rule: rule.id, approvals: rule.approvals, changes };
    }
  }
  return why;
}

const VERDICTS = new WeakMap<Policy, Map<string, ImageUpdate>>();

/** What a policy says of a step does not change, so each is judged once. */
async function judged(objects: ObjectReader, policy: Policy, did: Did, parent: ObjectId, commit: ObjectId): Promise<ImageUpdate> {
  const verdicts = VERDICTS.get(policy) ?? new Map<string, ImageUpdate>();
  VERDICTS.set(policy, verdicts);
  const key = `${did} ${parent} ${commit}`;
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  try {
    const verdict = await judge(objects, policy, did, parent, commit);
    verdicts.set(key, verdict);
    return verdict;
  } catch (thrown) {
    // A machine's commit that does not read, or is not there, must not take the whole head away.
    return { within: false, why: toTriplaneError(thrown).message };
  }
}

async function judge(objects: ObjectReader, policy: Policy, did: Did, parent: ObjectId, commit: ObjectId): Promise<ImageUpdate> {
  const limits = { maxBytes: MAX_BYTES };
  const update = judgeImageUpdate(policy, did, await treeFiles(objects, parent, limits), await treeFiles(objects, commit, limits));
  if (!update.within) return update;
  const back = await formerAmong(objects, parent, update.changes);
  return back === undefined ? update : { within: false, why: `${back.target} had ${back.to} before; going back is for people to approve` };
}

/** The first of some changes that would give a component an image which it had at a commit or before it. */
export async function formerImage(repoDir: string, commit: ObjectId, changes: readonly ImageChange[]): Promise<ImageChange | undefined> {
  const objects = openObjects(await gitDirOf(repoDir));
  try {
    return await formerAmong(objects, commit, changes);
  } finally {
    objects.close();
  }
}

async function formerAmong(objects: ObjectReader, commit: ObjectId, changes: readonly ImageChange[]): Promise<ImageChange | undefined> {
  let next: ObjectId | undefined = commit;
  for (let age = 0; next !== undefined && age < MAX_PAST; age += 1) {
    const had = imagesIn(await treeFiles(objects, next, { maxBytes: MAX_BYTES }));
    const back = changes.find(({ target, setting, to }) => had.get(`${target} ${setting}`) === to);
    if (back !== undefined) return back;
    next = (await objects.commit(next)).parents[0];
  }
  return undefined;
}
