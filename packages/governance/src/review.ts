// A proposal as its bytes say: what it changes, whether it can be approved at all, what it would mean. Nothing here is taken from what
// its author claims.
import { canonicalJson, type Digest, digestOf, digestWords, type FailureCode, TriplaneError, toTriplaneError } from "@triplane/contract";
import { printableLine } from "@triplane/kit";
import { type CommitStep, commitSteps, isAncestor, operatorKeys } from "@triplane/ledger";
import { type LoadedPolicy, loadPolicy, longestWindowS, type Policy, policyDigest, testPolicy } from "@triplane/policy";
import { differenceOf, type FileDifference, type Files } from "./difference.ts";
import { filesAt } from "./files.ts";
import { type Impact, impactOf } from "./impact.ts";
import { type PastOps, pastOps } from "./past-ops.ts";
import { type GovernedRepository, openGoverned } from "./repository.ts";
import { repoDirOf, type Site } from "./site.ts";
import { lostSupport } from "./stands-behind.ts";

const MAX_STEPS = 100;
export const IMPACT_PERIOD_S = 30 * 86_400;

export interface Problem {
  readonly code: FailureCode;
  readonly message: string;
}

export interface Reviewed {
  readonly commit: string;
  /** SHA-256 over repository, commit and files. Equal on every machine that reads the same proposal. */
  readonly digest: Digest;
  /** The digest for reading aloud; approving asks for them. */
  readonly words: string;
  /** From the approved head on, oldest first: all of them are approved together. */
  readonly steps: readonly CommitStep[];
  readonly difference: readonly FileDifference[];
  /** What stands in the way of approving, whatever people think of it. */
  readonly problems: readonly Problem[];
  /** What an approver should know. */
  readonly notes: readonly string[];
  /** For policies, where there is one in force to compare with. */
  readonly impact: Impact | undefined;
}

export interface ReviewOptions {
  /** Seconds since 1970. */
  readonly nowS: number;
  /** Seconds back from now. */
  readonly impactPeriodS?: number;
  /** Ops that were read from the ledger already, for whoever reviews many proposals. */
  readonly pastOps?: Map<number, Promise<PastOps>>;
  /** Checks the files of a desired state; throws what is wrong with them. */
  readonly checkDesired: (files: Files) => void | Promise<void>;
}

/** What everybody who reads a proposal gets. Throws `git_failed` where its objects are missing. */
export async function reviewCommit(site: Site, repository: GovernedRepository, commit: string, options: ReviewOptions): Promise<Reviewed> {
  const { repoDir, approved, rid } = repository;
  const [before, after] = [await filesAt(repoDir, approved?.commit), await filesAt(repoDir, commit)];
  const digest = proposalDigest(rid, commit, after);
  const problems: Problem[] = [];
  const note = (thrown: unknown): undefined => {
    const { code, message } = toTriplaneError(thrown);
    problems.push({ code, message: printableLine(message, 2000) });
    return undefined;
  };
  const isOnTop = approved !== undefined && (await isAncestor(repoDir, approved.commit, commit).catch(() => false));
  const from = isOnTop ? approved.commit : approved?.base;
  const steps = await commitSteps(repoDir, from, commit, MAX_STEPS).catch((thrown) => note(thrown) ?? []);
  const difference = differenceOf(before, after);
  if (difference.length === 0 && commit !== approved?.commit) problems.push({ code: "proposal_invalid", message: "it changes no file" });
  const common = { commit, digest, words: digestWords(digest), steps: steps.map(fitForTerminal), difference, problems };
  if (repository.name === "desired") {
    await checkSteps(repoDir, steps, (files) => options.checkDesired(files)).catch(note);
    return { ...common, notes: isOnTop ? [] : leftOut(approved), impact: undefined };
  }
  const inForce = approved === undefined ? undefined : loadPolicy(before);
  const proposed = await checkPolicySteps(site, repoDir, steps, inForce).catch(note);
  if (proposed === undefined) return { ...common, notes: [], impact: undefined };
  const failing = testPolicy(after).filter(({ passed }) => !passed);
  for (const each of failing)
    problems.push({ code: "policy_test_failed", message: printableLine(`${each.name}: expected ${each.expected}, got ${each.got}`, 500) });
  const impact = inForce === undefined ? undefined : await simulateProposal(site, inForce, proposed, options);
  const notes = [...policyNotes(site, repository, proposed, inForce), ...(await desiredNotes(site, proposed))];
  return { ...common, notes, impact };
}

/** Over repository, commit and all files, so that git's SHA-1 is not what two people compare. */
export function proposalDigest(rid: string, commit: string, files: Files): Digest {
  return digestOf(canonicalJson(["triplane-proposal", rid, commit, policyDigest(files)]));
}

/** The report of `policy simulate`: a policy beside the one in force, over the ledger's ops of a period. */
export async function simulateProposal(
  site: Site,
  inForce: LoadedPolicy,
  proposed: LoadedPolicy,
  options: Pick<ReviewOptions, "nowS" | "impactPeriodS" | "pastOps">,
): Promise<Impact> {
  // A whole hour, so that two people who look a minute apart see the same report, and one reading of the ledger serves for a while.
  const sinceS = Math.floor((options.nowS - (options.impactPeriodS ?? IMPACT_PERIOD_S)) / 3600) * 3600;
  const countedS = Math.max(longestWindowS(inForce.policy), longestWindowS(proposed.policy));
  const fromS = sinceS - countedS;
  const reading = options.pastOps?.get(fromS) ?? pastOps(repoDirOf(site, "state"), site.pins.state, fromS);
  options.pastOps?.set(fromS, reading);
  return impactOf(inForce.policy, proposed.policy, await reading, sinceS);
}

/** Approving the last commit approves all of them: every one has to be what a policy has to be. */
async function checkPolicySteps(
  site: Site,
  repoDir: string,
  steps: readonly CommitStep[],
  inForce: LoadedPolicy | undefined,
): Promise<LoadedPolicy | undefined> {
  let last = inForce;
  await checkSteps(repoDir, steps, (files) => {
    const loaded = loadPolicy(files);
    const { workspace, policy_version: version } = loaded.policy;
    if (workspace !== site.workspace)
      throw new TriplaneError("policy_invalid", `the policy is for workspace ${workspace}, this is ${site.workspace}`);
    if (last !== undefined && version <= last.policy.policy_version)
      throw new TriplaneError(
        "policy_invalid",
        `policy_version is ${version}; it grows with every change, so it has to be ${last.policy.policy_version + 1} or more`,
      );
    last = loaded;
  });
  return last === inForce ? undefined : last;
}

async function checkSteps(repoDir: string, steps: readonly CommitStep[], check: (files: Files) => void | Promise<void>): Promise<void> {
  for (const { commit } of steps) {
    try {
      await check(await filesAt(repoDir, commit));
    } catch (thrown) {
      const { code, message, details } = toTriplaneError(thrown);
      throw steps.length === 1 ? thrown : new TriplaneError(code, `at ${commit.slice(0, 12)}: ${message}`, { cause: thrown, details });
    }
  }
}

/** Image updates that a proposal does not contain: approving it takes them back. */
function leftOut(approved: GovernedRepository["approved"]): readonly string[] {
  const changes = approved?.updates.flatMap((update) => update.changes) ?? [];
  return changes.map(
    ({ target, to }) => `it does not contain the image that an automation gave ${target} meanwhile (${to}): that is taken back`,
  );
}

/** Rules for automations that are new, or not as they were: each is a way past M people. */
function updateNotes(inForce: Policy | undefined, { image_updates: rules }: Policy): readonly string[] {
  const known = new Set(inForce?.image_updates.map((rule) => canonicalJson(rule)));
  return rules
    .filter((rule) => !known.has(canonicalJson(rule)))
    .map((rule) => {
      const people = rule.approvals === 0 ? "WITHOUT ANYBODY" : `with ${rule.approvals} of the people`;
      const what = `${rule.settings.join(", ")} of ${rule.targets.join(", ")} from ${rule.images.join(", ")}`;
      return `${rule.id}: ${rule.automations.join(", ")} may change ${what}, ${people}, ${rule.max_ahead} times in a row`;
    });
}

/** Rules by which somebody may act alone that are new, or not as they were; new sealed keys; what the proposal stands by. */
function glassNotes(inForce: Policy | undefined, { break_glass: rules, operators, ratified }: Policy): readonly string[] {
  const known = new Set(inForce?.break_glass.map((rule) => canonicalJson(rule)));
  const sealedBefore = new Set(inForce?.operators.flatMap(({ break_glass_keys: keys = [] }) => keys));
  const before = new Set(inForce?.ratified);
  return [
    ...rules
      .filter((rule) => !known.has(canonicalJson(rule)))
      .map(({ id, kinds, targets, issuers, ratify_within_s: windowS }) => {
        const who = issuers?.join(", ") ?? "whoever holds a sealed key";
        return `${id}: ${who} may do ${kinds.join(", ")} on ${targets.join(", ")} ALONE, by a sealed key; to be ratified within ${windowS} s`;
      }),
    ...operators.flatMap(({ principal, break_glass_keys: keys = [] }) =>
      keys.filter((key) => !sealedBefore.has(key)).map((key) => `${principal} gets the sealed key ${key}, which breaks the glass`),
    ),
    ...ratified.filter((jti) => !before.has(jti)).map((jti) => `whoever approves this stands by ${jti}, which broke the glass`),
  ];
}

/** Whether the desired state would keep its approval where other people count. */
async function desiredNotes(site: Site, { policy }: LoadedPolicy): Promise<readonly string[]> {
  // A machine that does not hold it, or cannot prove it, says so elsewhere.
  const desired = await openGoverned(site, "desired").catch(() => undefined);
  const lost = desired === undefined ? undefined : await lostSupport(desired, operatorKeys(policy));
  return lost === undefined ? [] : [lost];
}

function policyNotes(
  site: Site,
  repository: GovernedRepository,
  { policy }: LoadedPolicy,
  inForce: LoadedPolicy | undefined,
): readonly string[] {
  const notes = [...updateNotes(inForce?.policy, policy), ...glassNotes(inForce?.policy, policy)];
  for (const name of ["desired", "state"] as const) {
    const [pin, pinned] = [policy.pins[name], site.pins[name]];
    if (pin.rid !== pinned.rid || pin.root !== pinned.identityRoot)
      notes.push(`it pins another ${name === "state" ? "ledger" : "desired state"} than this machine knows: ${pin.rid}`);
  }
  const keys = new Map(policy.operators.flatMap(({ principal, keys: own }) => own.map((key) => [key as string, principal] as const)));
  for (const delegate of repository.delegates)
    if (!keys.has(delegate)) notes.push(`${delegate} governs this repository and is no operator of the policy`);
  for (const { principal, keys: own } of policy.operators)
    if (!own.some((key) => repository.delegates.includes(key)))
      notes.push(`${principal} is an operator of the policy and has no say in it`);
  return notes;
}

function fitForTerminal(step: CommitStep): CommitStep {
  return { ...step, message: printableLine(step.message.split("\n")[0] ?? "", 200), author: printableLine(step.author) };
}
