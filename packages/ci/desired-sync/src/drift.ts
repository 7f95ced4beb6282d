// The difference between the approved desired state and what the orchestrator has recorded and observes, target by target. Pure.
//
// 1. What is missing, extra or other is what the orchestrator itself would do to reach the approved commit: its plan, not a second opinion.
// 2. A target that the desired state lists and that is recorded as it should be may still not run as it should: that is its health.
// 3. What ops deployed and the desired state does not list is left alone by desired.apply: it is told, and counts only on request.
import { canonicalJson, type Json, type Plan, type PlanAction, type TargetState, type WorkspaceState } from "@triplane/contract";

const WORKSPACE_TARGET = "workspace";

export type DriftKind = "missing" | "extra" | "other-version" | "other-replicas" | "other-settings" | "unhealthy" | "unlisted";

export interface TargetDrift {
  readonly target: string;
  readonly kind: DriftKind;
  /** What the desired state says, in a few words; undefined where it does not list the target. */
  readonly desired: string | undefined;
  /** What is recorded, or the health that is observed; undefined where there is nothing. */
  readonly actual: string | undefined;
  /** What to do about it. */
  readonly advice: string;
}

export interface Drift {
  /** The approved commit of the desired state. */
  readonly approved: string;
  /** The commit that was applied last; undefined where none ever was. */
  readonly applied: string | undefined;
  readonly revision: number;
  /** How many targets the approved commit lists. */
  readonly listed: number;
  readonly drifted: readonly TargetDrift[];
  /** What ops deployed besides. */
  readonly unlisted: readonly TargetDrift[];
}

/** `plan` is that of `desired.apply` at the approved commit, and was made no earlier than `state` was read. */
export function driftOf(approved: string, plan: Plan, state: WorkspaceState): Drift {
  const actions = new Map(plan.actions.map((action) => [action.target, action]));
  const states = new Map(state.targets.map((target) => [target.target, target]));
  const commit = states.get(WORKSPACE_TARGET)?.state?.["desired_commit"];
  const applied = typeof commit === "string" ? commit : undefined;
  const apply = applied === approved ? applyAgain(approved) : applyFirst(approved);
  const drifted = plan.actions.flatMap((action) => driftOfTarget(action, states.get(action.target), apply));
  const unlisted = state.targets
    .filter(({ target, state: present }) => present !== undefined && target !== WORKSPACE_TARGET && !actions.has(target))
    .map((target): TargetDrift => {
      const advice = `list ${target.target} in desired.ncl, or remove it: \`triplane op submit component.remove ${target.target}\``;
      return { target: target.target, kind: "unlisted", desired: undefined, actual: describe(target.state), advice };
    });
  const listed = plan.actions.filter(({ action }) => action !== "remove").length;
  return { approved, applied, revision: state.revision, listed, drifted, unlisted };
}

function driftOfTarget(action: PlanAction, state: TargetState | undefined, apply: string): readonly TargetDrift[] {
  const { target, before, after } = action;
  const sides = { target, desired: describe(after), actual: describe(before) };
  switch (action.action) {
    case "create":
      return [{ ...sides, kind: "missing", advice: apply }];
    case "remove":
      return [{ ...sides, kind: "extra", advice: apply }];
    case "scale":
      return [{ ...sides, kind: "other-replicas", advice: apply }, ...unhealthy(action, state)];
    case "update":
    case "restart":
      return [
        { ...sides, kind: differsInProgram(before, after) ? "other-version" : "other-settings", advice: apply },
        ...unhealthy(action, state),
      ];
    case "none":
      return unhealthy(action, state);
  }
}

function unhealthy({ target, after }: PlanAction, state: TargetState | undefined): readonly TargetDrift[] {
  const health = state?.health ?? "unknown";
  if (health === "healthy") return [];
  const advice =
    health === "starting"
      ? "wait: it is starting"
      : `look at its log and its last events; \`triplane op submit component.restart ${target}\` starts it anew`;
  return [{ target, kind: "unhealthy", desired: describe(after), actual: health, advice }];
}

function differsInProgram(before: PlanAction["before"], after: PlanAction["after"]): boolean {
  return ["component", "version", "definition"].some(
    (member) => canonicalJson(before?.[member] ?? null) !== canonicalJson(after?.[member] ?? null),
  );
}

/** Component and version, replicas, settings and who keeps it, as far as they are there. */
function describe(spec: Readonly<Record<string, Json>> | undefined): string | undefined {
  if (spec === undefined) return undefined;
  const { component, version, replicas, settings, managed_by: keeper } = spec;
  const given = typeof settings === "object" && settings !== null && Object.keys(settings).length > 0 ? canonicalJson(settings) : "";
  const parts = [`${String(component)} ${String(version)}`, `× ${String(replicas)}`, given, keeper === "op" ? "(kept by ops)" : ""];
  return parts.filter((part) => part !== "").join(" ");
}

function applyFirst(commit: string): string {
  return `desired-sync applies ${commit.slice(0, 12)} by itself; if it does not, see its log, or apply it by hand: \`triplane op submit desired.apply workspace --arg commit=${commit}\``;
}

function applyAgain(commit: string): string {
  return `bring it back with \`triplane op submit desired.apply workspace --arg commit=${commit}\`, or change desired.ncl to what there is`;
}
