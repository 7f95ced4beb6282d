// The desired state as an outsider of the governance reads it: policy first, which says who are people, then the head that they approved.
//
// 1. It remembers what it accepted of both repositories, and takes nothing that goes behind that.
// 2. Nothing is believed for a second time without a look: where everybody's signed refs are as they were, the answer is the one before.
import type { Did } from "@triplane/contract";
import { type LoadedPolicy, loadPolicy } from "@triplane/policy";
import { approvedPolicyHead } from "../policy-head.ts";
import { namespaceTips } from "../radicle/namespaces.ts";
import { readTreeFiles } from "../tree-files.ts";
import type { RepositoryPin } from "../types.ts";
import { isApprovedDesired } from "./approved-desired.ts";
import { approvedDesiredHead, DESIRED_BRANCH, type DesiredHead } from "./desired-head.ts";
import { type DesiredMemory, type Remembered, rememberNothing } from "./memory.ts";

const MAX_POLICY_BYTES = 4 * 1024 * 1024;

export interface RepositoryPlace {
  readonly directory: string;
  readonly pin: RepositoryPin;
}

export interface DesiredReaderOptions {
  readonly desired: RepositoryPlace;
  readonly policy: RepositoryPlace;
  /** Fewest people that have to agree on either: 2, or 1 in a workspace that was made for a single operator. */
  readonly minThreshold: number;
  readonly memory?: DesiredMemory;
}

/** Where the desired state stands, and under which policy that was counted. */
export interface DesiredStanding {
  readonly head: DesiredHead;
  readonly policy: LoadedPolicy;
  readonly policyCommit: string;
}

export class DesiredReader {
  readonly #options: DesiredReaderOptions;
  readonly #memory: DesiredMemory;
  #known: { readonly tips: string; readonly standing: DesiredStanding } | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: DesiredReaderOptions) {
    this.#options = options;
    this.#memory = options.memory ?? rememberNothing();
  }

  /** Throws `quorum_not_reached`, `policy_rollback`, what verifying either repository throws, and what an unsound policy raises. */
  standing(): Promise<DesiredStanding> {
    const turn = this.#turn.then(() => this.#look());
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Whether a commit is the approved head, or was approved itself on the way to it. */
  async isApproved(commit: string, { head, policy }: DesiredStanding): Promise<boolean> {
    const { desired, minThreshold } = this.#options;
    return await isApprovedDesired(desired.directory, desired.pin, commit, { head, policy: policy.policy, minThreshold });
  }

  async #look(): Promise<DesiredStanding> {
    const { desired, policy, minThreshold } = this.#options;
    const tips = JSON.stringify([await tipsOf(policy), await tipsOf(desired)]);
    if (this.#known?.tips === tips) return this.#known.standing;
    const last = await this.#memory.read();
    const inForce = await approvedPolicyHead(policy.directory, policy.pin, { branch: DESIRED_BRANCH, minThreshold, last: last.policy });
    const before = this.#known?.standing;
    const loaded =
      before?.policyCommit === inForce.commit
        ? before.policy
        : loadPolicy(await readTreeFiles(policy.directory, inForce.commit, { maxBytes: MAX_POLICY_BYTES }));
    const counted = { policy: loaded.policy, minThreshold, last: last.desired };
    const head = await approvedDesiredHead(desired.directory, desired.pin, counted);
    const now: Remembered = {
      policy: { commit: inForce.commit, identityRevision: inForce.identityRevision },
      desired: { commit: head.base, identityRevision: head.identityRevision },
    };
    await this.#memory.write(now);
    const standing = { head, policy: loaded, policyCommit: inForce.commit };
    this.#known = { tips, standing };
    return standing;
  }
}

async function tipsOf({ directory }: RepositoryPlace): Promise<readonly (readonly [Did, string])[]> {
  return [...(await namespaceTips(directory))].sort(([a], [b]) => (a < b ? -1 : 1));
}
