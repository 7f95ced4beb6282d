// The policies that this controller verifies against: the approved head, and the commits before it.
//
// 1. Only a descendant of the highest commit accepted so far replaces it, its policy_version does not fall, and the identity revision that
//    named its delegates stays in the history; the highest is in the database before anything is verified under it.
// 2. What cannot be read or was rolled back leaves the last accepted head in place and is a problem. Without one nothing is verified. `no-fail-open`
import { type Clock, type Did, TriplaneError, toTriplaneError } from "@triplane/contract";
import { type LoadedPolicy, signerOf } from "@triplane/policy";
import type { AcceptedHead, PolicySource } from "./ports.ts";
import type { PolicyRow } from "./rows.ts";

const MAX_CACHED = 16;

export interface PolicyMemory {
  readPolicy(): Promise<PolicyRow | undefined>;
  writePolicy(row: PolicyRow, before: PolicyRow | undefined): Promise<void>;
}

export interface PolicyBookOptions {
  readonly workspace: string;
  readonly source: PolicySource;
  readonly memory: PolicyMemory;
  readonly clock: Clock;
}

interface Head {
  readonly row: PolicyRow;
  readonly loaded: LoadedPolicy;
}

export class PolicyBook {
  readonly #options: PolicyBookOptions;
  readonly #cache = new Map<string, LoadedPolicy>();
  #head: Head | undefined;
  #problem: TriplaneError | undefined;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PolicyBookOptions) {
    this.#options = options;
  }

  get head(): PolicyRow | undefined {
    return this.#head?.row;
  }

  /** The policy of the head. */
  get policy(): LoadedPolicy | undefined {
    return this.#head?.loaded;
  }

  /** What was wrong the last time somebody looked. */
  get problem(): TriplaneError | undefined {
    return this.#problem;
  }

  /** Looks at the repository once. Never throws for what the repository is; the database's failures pass through. */
  async refresh(): Promise<void> {
    const remembered = await this.#options.memory.readPolicy();
    this.#lookedAtMs = this.#options.clock.nowMs();
    try {
      const head = await this.#options.source.approvedHead(headOf(remembered));
      if (head.commit !== this.#head?.row.commit || head.identityRevision !== remembered?.identity_revision)
        await this.#accept(head, remembered);
      this.#problem = undefined;
    } catch (thrown) {
      const problem = toTriplaneError(thrown);
      if (problem.code.startsWith("store_")) throw problem;
      this.#problem = problem;
      if (this.#head === undefined && remembered !== undefined) await this.#keepLast(remembered);
    }
  }

  /** Looks again unless somebody did within `ageMs`. */
  async refreshIfOlderThan(ageMs: number): Promise<void> {
    if (this.#options.clock.nowMs() - this.#lookedAtMs >= ageMs) await this.refresh();
  }

  /** The policy at a commit at or before the accepted head; undefined for any other commit. Throws where it cannot be read. */
  async at(commit: string): Promise<LoadedPolicy | undefined> {
    const head = this.#head;
    if (head === undefined)
      throw new TriplaneError("unavailable", `no policy is in force: ${this.#problem?.message ?? "it was not read yet"}`);
    if (commit === head.row.commit) return head.loaded;
    const cached = this.#cache.get(commit);
    if (cached !== undefined) return cached;
    if (!(await this.#options.source.isApprovedStep(commit, head.row.commit))) return undefined;
    const loaded = await this.#options.source.load(commit);
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(commit, loaded);
    return loaded;
  }

  /** Whether the accepted head lets a key admit and refuse, or break the glass. */
  mayDecide(key: Did): boolean {
    const policy = this.#head?.loaded.policy;
    const signer = policy === undefined ? undefined : signerOf(policy, key);
    return (
      signer?.role === "keeper" || signer?.role === "break_glass" || (signer?.role === "operator" && signer.entry.may.includes("Admit"))
    );
  }

  async #accept({ commit, identityRevision }: AcceptedHead, remembered: PolicyRow | undefined): Promise<void> {
    const { source, memory, clock, workspace } = this.#options;
    const loaded = await source.load(commit);
    const { policy } = loaded;
    if (policy.workspace !== workspace)
      throw new TriplaneError("policy_invalid", `the policy is for workspace ${policy.workspace}, this is ${workspace}`);
    if (remembered !== undefined && policy.policy_version < remembered.policy_version)
      throw new TriplaneError("policy_rollback", `policy_version fell from ${remembered.policy_version} to ${policy.policy_version}`);
    const sinceMs = remembered?.commit === commit ? remembered.since_ms : clock.nowMs();
    const row = { commit, policy_version: policy.policy_version, identity_revision: identityRevision, since_ms: sinceMs };
    if (remembered?.commit === commit && remembered.identity_revision === identityRevision) this.#head = { row: remembered, loaded };
    else {
      await memory.writePolicy(row, remembered);
      this.#head = { row, loaded };
    }
    this.#cache.clear();
  }

  /** After a start: the last accepted commit may still be readable although the head no longer is. */
  async #keepLast(remembered: PolicyRow): Promise<void> {
    try {
      this.#head = { row: remembered, loaded: await this.#options.source.load(remembered.commit) };
    } catch {
      // The problem that led here is the one to tell.
    }
  }
}

function headOf(row: PolicyRow | undefined): AcceptedHead | undefined {
  return row === undefined ? undefined : { commit: row.commit, identityRevision: row.identity_revision };
}
