// plan(desired, actual) → actions: pure, so that what was shown, signed and applied can be compared by digest.
import { canonicalJson, digestOf, type Plan, type PlanAction } from "@triplane/contract";
import type { InstanceSpec, InstanceState } from "./model.ts";

/** What an op wants of one target. */
export type Wanted = { readonly present: InstanceSpec; readonly restart?: true } | { readonly present?: undefined };

/** A step from what is to what is wanted. */
export interface Change {
  readonly target: string;
  readonly action: PlanAction["action"];
  readonly before: InstanceState | undefined;
  /** Without generation: that is the op's jti where `renews`, else the one before. */
  readonly after: InstanceSpec | undefined;
  /** Whether running replicas have to be replaced. */
  readonly renews: boolean;
}

/** The steps, in order of target names. Targets that are not in `desired` are left alone. */
export function plan(desired: ReadonlyMap<string, Wanted>, actual: ReadonlyMap<string, InstanceState>): readonly Change[] {
  return [...desired]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([target, wanted]) => {
      const change = changeOf(target, wanted, actual.get(target));
      return change === undefined ? [] : [change];
    });
}

function changeOf(target: string, wanted: Wanted, before: InstanceState | undefined): Change | undefined {
  const after = wanted.present;
  if (after === undefined) return before === undefined ? undefined : { target, action: "remove", before, after, renews: false };
  if (before === undefined) return { target, action: "create", before, after, renews: true };
  const renews = programOf(before) !== programOf(after) || wanted.restart === true;
  const action = actionOf(before, after, renews, wanted.restart === true);
  return { target, action, before, after, renews };
}

function actionOf(before: InstanceState, after: InstanceSpec, renews: boolean, restart: boolean): PlanAction["action"] {
  if (programOf(before) !== programOf(after) || before.managed_by !== after.managed_by) return "update";
  if (before.replicas !== after.replicas) return "scale";
  return renews && restart ? "restart" : "none";
}

// What a running process was started from: a difference here means that it must be replaced.
function programOf(spec: InstanceSpec): string {
  return canonicalJson({ component: spec.component, version: spec.version, definition: spec.definition, settings: spec.settings });
}

/** The step as people and approvers see it. */
export function describe(change: Change): PlanAction {
  const before = change.before === undefined ? undefined : withoutGeneration(change.before);
  return {
    action: change.action,
    target: change.target,
    summary: summaryOf(change),
    ...(before === undefined ? {} : { before }),
    ...(change.after === undefined ? {} : { after: { ...change.after } }),
  };
}

function withoutGeneration(state: InstanceState): InstanceSpec {
  const { generation: _generation, ...spec } = state;
  return spec;
}

function summaryOf({ target, action, before, after }: Change): string {
  const present = after ?? before;
  const what = present === undefined ? "" : `${present.component} ${present.version}`;
  const replicas = (count: number): string => `${count} ${count === 1 ? "replica" : "replicas"}`;
  switch (action) {
    case "create":
      return `create ${target} from ${what}, ${replicas(after?.replicas ?? 0)}`;
    case "update":
      return `update ${target} ${before === undefined ? "" : `from ${before.component} ${before.version} `}to ${what}, ${replicas(after?.replicas ?? 0)}`;
    case "restart":
      return `restart ${target}, ${replicas(after?.replicas ?? 0)}`;
    case "scale":
      return `scale ${target} from ${before?.replicas ?? 0} to ${replicas(after?.replicas ?? 0)}`;
    case "remove":
      return `remove ${target} (${what}, ${replicas(before?.replicas ?? 0)}); its data is set aside, not deleted`;
    case "none":
      return `leave ${target} as it is`;
  }
}

/** The plan with its digest: SHA-256 over the canonical JSON of everything else. */
export function makePlan(body: Omit<Plan, "digest">): Plan {
  return { ...body, digest: digestOf(canonicalJson(body)) };
}
