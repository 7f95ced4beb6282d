// The targets that records of the ledger leave behind, worked out record by record.
//
// 1. A state that a record carries whole is taken as it is (ADR-017); of two for one target the higher version wins.
// 2. What a record does not carry is planned again, and is exact only where a digest of the record says so.
// 3. A version is never lost, also where the state is: the next op on the target must not meet an older number.
import { type Json, toTriplaneError } from "@triplane/contract";
import { type ChangedTargets, changedIn, stateDigest } from "../changed-evidence.ts";
import { type JsonRecord, type TargetRecord, WORKSPACE_TARGET } from "../model.ts";
import { Planner, type PlannerParts } from "../planner.ts";

/** What a finished op's record says of its apply. */
export interface PastApply {
  readonly jti: string;
  readonly op: string;
  readonly target: string;
  readonly args: JsonRecord;
  readonly versionBefore: number;
  readonly versionAfter: number;
  readonly evidence: JsonRecord;
}

/** A target of which the records do not say everything. */
export interface InexactTarget {
  readonly target: string;
  readonly version: number;
  readonly why: string;
}

interface Known {
  readonly record: TargetRecord;
  /** Undefined: exact. */
  readonly why: string | undefined;
  readonly versions: number;
}

const NOT_SAID = "its record does not carry the state; it was planned again with the catalog of today";

export class RebuiltTargets {
  readonly #known = new Map<string, Known>();
  readonly #planner: Planner;

  constructor(parts: Omit<PlannerParts, "records">) {
    this.#planner = new Planner({ ...parts, records: { targets: async () => this.targets() } });
  }

  /** Sorted by name, as the orchestrator lists them. */
  targets(): readonly TargetRecord[] {
    return [...this.#known.values()].map(({ record }) => record).sort((a, b) => (a.target < b.target ? -1 : 1));
  }

  inexact(): readonly InexactTarget[] {
    return [...this.#known.values()].flatMap(({ record: { target, version }, why, versions }) => {
      const lacks = versions < version ? `the records lack ${version - versions} of its ${version} changes` : undefined;
      const said = why ?? lacks;
      return said === undefined ? [] : [{ target, version, why: said }];
    });
  }

  async take(apply: PastApply): Promise<void> {
    // Settled before any effect: there were no steps, and nothing changed.
    if (apply.evidence["steps"] === undefined && apply.versionAfter === apply.versionBefore && !isLeftOut(apply.evidence)) return;
    const changed = changedIn(apply.evidence);
    for (const record of changed.whole) this.#put(record, undefined);
    if (!changed.complete || changed.digests.length > 0) await this.#planAgain(apply, changed);
  }

  async #planAgain(apply: PastApply, changed: ChangedTargets): Promise<void> {
    const planned = await this.#plan(apply);
    for (const { target, version, digest } of changed.digests) {
      const found = planned.states.get(target);
      if (found !== undefined && stateDigest(found.state ?? null) === digest) this.#put({ target, version, state: found.state }, undefined);
      else this.#put({ target, version, state: found?.state ?? this.#known.get(target)?.record.state }, planned.problem ?? NOT_SAID);
    }
    if (changed.complete) return;
    const named = new Set(changed.digests.map(({ target }) => target));
    for (const [target, { state }] of planned.states) {
      const before = this.#known.get(target)?.record.version ?? 0;
      const version = target === apply.target ? apply.versionAfter : before + 1;
      if (!named.has(target) && version > before) this.#put({ target, version, state }, NOT_SAID);
    }
    const reached = this.#known.get(apply.target)?.record;
    if (apply.versionAfter > (reached?.version ?? 0))
      this.#put({ target: apply.target, version: apply.versionAfter, state: reached?.state }, planned.problem ?? NOT_SAID);
  }

  /** States after the op as it would be planned now; endpoints as far as its record has them. */
  async #plan(apply: PastApply): Promise<{ readonly states: ReadonlyMap<string, { state: JsonRecord | undefined }>; problem?: string }> {
    const steps = stepsOf(apply.evidence);
    const states = new Map<string, { state: JsonRecord | undefined }>();
    try {
      const { changes, targetState } = await this.#planner.prepare({ op: apply.op, target: apply.target, args: apply.args });
      for (const { target, before, after, renews } of changes) {
        if (steps.get(target)?.ok === false) continue;
        const generation = renews ? apply.jti : (before?.generation ?? apply.jti);
        states.set(target, { state: after && { ...after, generation, endpoints: steps.get(target)?.endpoints ?? [] } });
      }
      if (targetState !== undefined) states.set(WORKSPACE_TARGET, { state: targetState });
      return { states };
    } catch (thrown) {
      const error = toTriplaneError(thrown);
      return { states, problem: `its record does not carry the state, and it cannot be planned again: ${error.code}: ${error.message}` };
    }
  }

  #put(record: TargetRecord, why: string | undefined): void {
    const before = this.#known.get(record.target);
    const versions = (before?.versions ?? 0) + 1;
    if (before !== undefined && before.record.version >= record.version) this.#known.set(record.target, { ...before, versions });
    else this.#known.set(record.target, { record, why, versions });
  }
}

function isLeftOut(evidence: JsonRecord): boolean {
  return evidence["omitted_digest"] !== undefined;
}

interface Step {
  readonly ok: boolean;
  readonly endpoints: readonly Json[];
}

function stepsOf(evidence: JsonRecord): ReadonlyMap<string, Step> {
  const steps = Array.isArray(evidence["steps"]) ? evidence["steps"] : [];
  return new Map(
    steps.flatMap((step) => {
      if (typeof step !== "object" || step === null || Array.isArray(step)) return [];
      const { target, ok, endpoints } = step;
      return typeof target === "string" ? [[target, { ok: ok !== false, endpoints: Array.isArray(endpoints) ? endpoints : [] }]] : [];
    }),
  );
}
