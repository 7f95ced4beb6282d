// Keeps the policy in force at the approved head of its repository.
//
// 1. Only a descendant of the highest commit that any keeper acted under replaces it, its policy_version does not fall, and the
//    identity revision that named its delegates stays in the history.
// 2. The new commit is remembered in the bucket before the first decision under it.
// 3. A new policy that cannot be read leaves the last good one in force and is a problem; a keeper that is behind the
//    highest commit, or whose key the policy does not list, has no policy in force. `no-fail-open`
// 4. Where the policy says for how long (`limits.max_policy_age_s`), a keeper without contact to its source has none in force after that
//    time. Contact is a completed fetch from the remote that it follows; without a remote, a verified look at the repository.

import type { KeyValue, KvEntry } from "@triplane/bus";
import { type Clock, TriplaneError, toTriplaneError } from "@triplane/contract";
import type { LoadedPolicy, Policy } from "@triplane/policy";
import type { PolicyInForce } from "./outputs.ts";
import type { AcceptedHead, PolicySource } from "./ports.ts";
import { type PolicyRecord, policyRecordSchema, RECORD_KEYS, readRecord } from "./records.ts";

export interface FollowerOptions {
  readonly workspace: string;
  readonly policyRid: string;
  readonly source: PolicySource;
  readonly bucket: KeyValue;
  readonly clock: Clock;
  /** Throws where the policy does not let this key decide. */
  readonly assertMayDecide: (policy: Policy) => void;
  /** The remote that the repository is fetched from, and when that last worked; absent where somebody else brings the repository up to date. */
  readonly contact?: { readonly atMs: number | undefined } | undefined;
}

export class PolicyFollower {
  readonly #options: FollowerOptions;
  #inForce: PolicyInForce | undefined;
  #problem: TriplaneError | undefined;
  #verifiedAtMs: number | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  get inForce(): PolicyInForce | undefined {
    return this.#staleness() === undefined ? this.#inForce : undefined;
  }

  /** What was wrong the last time somebody looked, or that the policy in force has grown too old meanwhile. */
  get problem(): TriplaneError | undefined {
    return this.#problem ?? this.#staleness();
  }

  /** Milliseconds since 1970: when the source of the policy was last reached. */
  get contactAtMs(): number | undefined {
    const { contact } = this.#options;
    return contact === undefined ? this.#verifiedAtMs : contact.atMs;
  }

  #staleness(): TriplaneError | undefined {
    const maxAgeS = this.#inForce?.policy.limits.max_policy_age_s;
    if (maxAgeS === undefined) return undefined;
    const atMs = this.contactAtMs;
    if (atMs !== undefined && this.#options.clock.nowMs() - atMs <= maxAgeS * 1000) return undefined;
    const since = atMs === undefined ? "was not reached since this keeper started" : `was last reached at ${new Date(atMs).toISOString()}`;
    return new TriplaneError("policy_stale", `the source of the policy ${since}, and the policy allows ${maxAgeS} s`);
  }

  /** Milliseconds since 1970: when the repository was last verified up to the policy in force. */
  get verifiedAtMs(): number | undefined {
    return this.#verifiedAtMs;
  }

  /** Looks at the repository once; never throws. */
  async refresh(): Promise<"same" | "changed" | "failed"> {
    let remembered: KvEntry | undefined;
    let highest: PolicyRecord | undefined;
    try {
      remembered = await this.#options.bucket.get(RECORD_KEYS.policy);
      highest = remembered === undefined ? undefined : readRecord(remembered.key, remembered.value, policyRecordSchema);
      const head = await this.#options.source.approvedHead(headOf(highest));
      if (head.commit !== this.#inForce?.ref.commit || head.identityRevision !== highest?.identity_revision) {
        await this.#replace(head, await this.#options.source.load(head.commit), remembered, highest);
        return "changed";
      }
      this.#verifiedAtMs = this.#options.clock.nowMs();
      this.#problem = undefined;
      return "same";
    } catch (thrown) {
      this.#problem = toTriplaneError(thrown);
      if (highest !== undefined && this.#inForce?.ref.commit !== highest.commit) this.#inForce = undefined;
      return "failed";
    }
  }

  async #replace(
    head: AcceptedHead,
    loaded: LoadedPolicy,
    remembered: KvEntry | undefined,
    highest: PolicyRecord | undefined,
  ): Promise<void> {
    const { workspace, policyRid, bucket, clock, assertMayDecide } = this.#options;
    const { policy, digest } = loaded;
    if (policy.workspace !== workspace)
      throw new TriplaneError("policy_invalid", `the policy is for workspace ${policy.workspace}, this is ${workspace}`);
    if (highest !== undefined && policy.policy_version < highest.policy_version)
      throw new TriplaneError("policy_rollback", `policy_version fell from ${highest.policy_version} to ${policy.policy_version}`);
    const { commit, identityRevision } = head;
    if (commit !== highest?.commit || identityRevision !== highest.identity_revision) {
      const value: PolicyRecord = { commit, policy_version: policy.policy_version, identity_revision: identityRevision };
      const text = JSON.stringify(value);
      const revision =
        remembered === undefined
          ? await bucket.create(RECORD_KEYS.policy, text)
          : await bucket.update(RECORD_KEYS.policy, text, remembered.revision);
      if (revision === undefined) throw new TriplaneError("unavailable", "another keeper moved the policy at the same time");
    }
    // From here on the commit is the highest; a key that it does not list decides nothing, not even under the former one.
    this.#inForce = undefined;
    assertMayDecide(policy);
    this.#inForce = { policy, ref: { rid: policyRid, commit, digest } };
    this.#verifiedAtMs = clock.nowMs();
    this.#problem = undefined;
  }
}

function headOf(record: PolicyRecord | undefined): AcceptedHead | undefined {
  return record === undefined ? undefined : { commit: record.commit, identityRevision: record.identity_revision };
}
