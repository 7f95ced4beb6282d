// The approved head of the desired state, counted by the people whom the policy lists. Orchestrator, desired-sync and people's own
// tools all ask here.
//
// 1. People of the policy in force count, each once, by heads that they signed themselves: not the keys of machines, whatever the
//    repository's identity document says, and never fewer than the reader's minimum.
// 2. What people accepted stays where the newer commits have too few votes; nothing that does not follow it replaces it.
// 3. On top of it, and only there, image updates of automations count as far as the policy's rules go. What people approve next
//    replaces them, whether or not it contains them.
import { type Did, TriplaneError } from "@triplane/contract";
import type { Policy } from "@triplane/policy";
import { type ObjectId, type ObjectReader, openObjects, reaches } from "../git/index.ts";
import { operatorKeys } from "../policy-head.ts";
import { countHead, namedCommits } from "../radicle/approved-head.ts";
import { refs } from "../radicle/layout.ts";
import { gitDirOf } from "../radicle/storage.ts";
import { type VerifiedRepository, verifyWith } from "../radicle/verify.ts";
import type { ApprovedHead, RepositoryPin } from "../types.ts";
import { type ImageLine, type ImageUpdateStep, judgeLine, type LineParts, plainLine } from "./image-line.ts";
import { machinesOf } from "./machines.ts";

export const DESIRED_BRANCH = "main";

export interface DesiredHead extends ApprovedHead {
  /** The newest commit that enough people approved; `commit` is it, or the last of `updates`. */
  readonly base: ObjectId;
  /** Delegates who approved it; `signedBy` are those of `commit`. */
  readonly baseSignedBy: readonly Did[];
  /** Image updates of automations on top of it, oldest first. */
  readonly updates: readonly ImageUpdateStep[];
}

export interface DesiredHeadOptions {
  /** In force: says who are people, and what automations may do. */
  readonly policy: Policy;
  /** Fewest people that a change may need; `delegates_invalid` where the repository asks for fewer. */
  readonly minThreshold?: number;
  /** What people had approved when it was looked at last. */
  readonly last?: { readonly commit: ObjectId; readonly identityRevision: string | undefined } | undefined;
}

/** Throws `quorum_not_reached`, `policy_rollback`, and what `verifyRepository` throws. */
export async function approvedDesiredHead(repoDir: string, pin: RepositoryPin, options: DesiredHeadOptions): Promise<DesiredHead> {
  return await withVerified(repoDir, pin, options, async (objects, gitDir, verified) => {
    const head = await headOfPeople(objects, verified, options);
    const { commit: base } = head;
    const lines = await linesOn(objects, gitDir, verified, pin, options.policy, base);
    const [longest] = lines.filter(({ accepted }) => accepted > 0).sort((a, b) => b.accepted - a.accepted || byTip(a, b));
    const people = { base, baseSignedBy: head.signedBy };
    if (longest === undefined) return { ...head, ...people, updates: [] };
    const updates = longest.steps.slice(0, longest.accepted);
    return { ...head, commit: updates.at(-1)?.commit ?? base, signedBy: longest.approvedBy, ...people, updates };
  });
}

/** The image line that leads from what people approved to a commit; undefined where there is none. */
export async function imageLineTo(
  repoDir: string,
  pin: RepositoryPin,
  { policy, base, commit }: { readonly policy: Policy; readonly base: ObjectId; readonly commit: ObjectId },
): Promise<ImageLine | undefined> {
  return await withVerified(repoDir, pin, { policy }, async (objects, gitDir, verified) => {
    const line = commit === base ? undefined : await plainLine(objects, base, commit);
    return line === undefined ? undefined : await judgeLine(await lineParts(objects, gitDir, verified, pin, policy, "now"), base, line);
  });
}

async function withVerified<T>(
  repoDir: string,
  pin: RepositoryPin,
  { minThreshold, last }: DesiredHeadOptions,
  use: (objects: ObjectReader, gitDir: string, verified: VerifiedRepository) => Promise<T>,
): Promise<T> {
  const gitDir = await gitDirOf(repoDir);
  const objects = openObjects(gitDir);
  try {
    const known = { minThreshold: minThreshold ?? 1, knownRevision: last?.identityRevision };
    return await use(objects, gitDir, await verifyWith(objects, gitDir, pin, known));
  } finally {
    objects.close();
  }
}

async function headOfPeople(
  objects: ObjectReader,
  verified: VerifiedRepository,
  { policy, last }: DesiredHeadOptions,
): Promise<ApprovedHead> {
  try {
    return await countHead(objects, verified, { branch: DESIRED_BRANCH, people: operatorKeys(policy), lastAccepted: last?.commit });
  } catch (thrown) {
    if (last === undefined || !(thrown instanceof TriplaneError) || thrown.code !== "quorum_not_reached") throw thrown;
    await objects.commit(last.commit);
    const { delegates, threshold, identity } = verified;
    return { commit: last.commit, branch: DESIRED_BRANCH, threshold, delegates, signedBy: [], identityRevision: identity.revision };
  }
}

/** One line for each automation whose head leads there. */
async function linesOn(
  objects: ObjectReader,
  gitDir: string,
  verified: VerifiedRepository,
  pin: RepositoryPin,
  policy: Policy,
  base: ObjectId,
): Promise<readonly ImageLine[]> {
  const parts = await lineParts(objects, gitDir, verified, pin, policy, "now");
  const lines: ImageLine[] = [];
  for (const head of new Set(parts.machines.map((machine) => machine.head))) {
    const line = await plainLine(objects, base, head).catch(() => undefined);
    if (line !== undefined) lines.push(await judgeLine(parts, base, line));
  }
  return lines;
}

/** `ever`: what was signed at any time counts, also where its signer went elsewhere since. */
export async function lineParts(
  objects: ObjectReader,
  gitDir: string,
  verified: VerifiedRepository,
  pin: RepositoryPin,
  policy: Policy,
  when: "now" | "ever",
): Promise<LineParts> {
  const machines = await machinesOf(objects, gitDir, verified, pin.identityRoot, { policy, branch: DESIRED_BRANCH });
  const delegates = when === "now" ? verified.delegates : [...verified.chains.keys()];
  const named = namedCommits(verified, delegates, DESIRED_BRANCH);
  const standsAt = async (head: ObjectId | undefined, commit: ObjectId): Promise<boolean> =>
    when === "ever" || (head !== undefined && (await reaches(objects, head, commit).catch(() => false)));
  return {
    objects,
    policy,
    machines,
    people: operatorKeys(policy),
    standsBy: (machine, commit) => standsAt(machine.head, commit),
    approvers: async (commit) => {
      const approvers: Did[] = [];
      for (const did of named.get(commit) ?? [])
        if (await standsAt(verified.signed.get(did)?.get(refs.head(DESIRED_BRANCH)), commit)) approvers.push(did);
      return approvers;
    },
  };
}

function byTip(a: ImageLine, b: ImageLine): number {
  return (a.steps[a.accepted - 1]?.commit ?? "") < (b.steps[b.accepted - 1]?.commit ?? "") ? -1 : 1;
}
