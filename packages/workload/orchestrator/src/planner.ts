// From the words of an op to a plan: the kind says what is wanted, the records say what is, plan() says the difference.
import { type Plan, type PlanRequest, TriplaneError } from "@triplane/contract";
import type { Catalog } from "./catalog/catalog.ts";
import type { DesiredSource, OpKind } from "./kind.ts";
import { type InstanceState, instanceOf, type JsonRecord, type TargetRecord, WORKSPACE_TARGET } from "./model.ts";
import { type Change, describe, makePlan, plan } from "./plan.ts";
import type { Records } from "./records.ts";

export interface PlannerParts {
  readonly workspace: string;
  readonly records: Pick<Records, "targets">;
  readonly catalog: Catalog;
  readonly kinds: ReadonlyMap<string, OpKind>;
  readonly desired: DesiredSource | undefined;
}

export interface Prepared {
  readonly plan: Plan;
  readonly changes: readonly Change[];
  /** New state of the op's own target where that is no component instance. */
  readonly targetState: JsonRecord | undefined;
}

export class Planner {
  readonly #parts: PlannerParts;

  constructor(parts: PlannerParts) {
    this.#parts = parts;
  }

  /** Changes nothing. Throws `kind_unknown`, `args_invalid`, `target_unknown`, and what the desired source throws. */
  async prepare(request: PlanRequest): Promise<Prepared> {
    const { kinds, records, catalog, desired, workspace } = this.#parts;
    const kind = kinds.get(request.op);
    if (kind === undefined) throw new TriplaneError("kind_unknown", `no kind of op is called ${request.op}`);
    const ofWorkspace = request.target === WORKSPACE_TARGET;
    if (ofWorkspace !== (kind.appliesTo === "workspace")) {
      throw new TriplaneError("args_invalid", `target: ${kind.name} applies to ${ofWorkspace ? "a component instance" : WORKSPACE_TARGET}`);
    }
    const args = kind.args.safeParse(request.args);
    if (!args.success) {
      const problems = args.error.issues.map((issue) => `${["args", ...issue.path].join(".")}: ${issue.message}`);
      throw new TriplaneError("args_invalid", problems.join("; "), { details: { problems } });
    }
    const stored = await records.targets();
    const actual = new Map<string, InstanceState>();
    for (const record of stored) {
      const instance = instanceOf(record);
      if (instance !== undefined) actual.set(record.target, instance);
    }
    const stateVersion = stored.find(({ target }) => target === request.target)?.version ?? 0;
    const intent = await kind.intend(args.data, { target: request.target, actual, applied: appliedCommit(stored), catalog, desired });
    const changes = plan(intent.wanted, actual);
    return {
      plan: makePlan({ workspace, op: request.op, target: request.target, state_version: stateVersion, actions: changes.map(describe) }),
      changes,
      targetState: intent.targetState,
    };
  }
}

/** Of the desired state, as the op that applied it left it. */
function appliedCommit(stored: readonly TargetRecord[]): string | undefined {
  const commit = stored.find(({ target }) => target === WORKSPACE_TARGET)?.state?.["desired_commit"];
  return typeof commit === "string" ? commit : undefined;
}
