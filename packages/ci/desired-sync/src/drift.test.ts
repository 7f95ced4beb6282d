import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf, type Plan, type PlanAction, type TargetState } from "@triplane/contract";
import { driftOf } from "./drift.ts";

const APPROVED = "a".repeat(40);
const spec = (changes: Readonly<Record<string, string | number | object>> = {}) => ({
  ...{ component: "kv", version: "1.0.0", definition: digestOf("kv"), replicas: 1, settings: {}, managed_by: "desired" },
  ...changes,
});

function planOf(...actions: readonly Pick<PlanAction, "action" | "target" | "before" | "after">[]): Plan {
  const body = { workspace: "w1", op: "desired.apply", target: "workspace", state_version: 1 };
  return { ...body, actions: actions.map((action) => ({ ...action, summary: "" })), digest: digestOf("plan") };
}

function stateOf(applied: string | undefined, ...targets: readonly TargetState[]) {
  const workspace: TargetState = {
    target: "workspace",
    version: 1,
    health: "unknown",
    ...(applied === undefined ? {} : { state: { desired_commit: applied } }),
  };
  return { workspace: "w1", revision: 7, state_hash: digestOf("state"), targets: [...targets, workspace] };
}

const running = (target: string, health: TargetState["health"] = "healthy"): TargetState => ({ target, version: 1, state: spec(), health });
const none = (target: string) => ({ action: "none", target, before: spec(), after: spec() }) as const;
const kinds = (drift: ReturnType<typeof driftOf>) => drift.drifted.map(({ target, kind }) => `${target} ${kind}`);

describe("driftOf", () => {
  it("none: every target is recorded as the approved commit says, and healthy", () => {
    const drift = driftOf(APPROVED, planOf(none("kv"), none("relay")), stateOf(APPROVED, running("kv"), running("relay")));
    assert.deepEqual([drift.drifted, drift.unlisted, drift.listed, drift.applied, drift.revision], [[], [], 2, APPROVED, 7]);
  });

  it("what the plan would create, remove, update or scale is missing, extra, another version or settings, other replicas", () => {
    const plan = planOf(
      { action: "create", target: "a", after: spec() },
      { action: "remove", target: "b", before: spec() },
      { action: "update", target: "c", before: spec(), after: spec({ version: "1.1.0" }) },
      { action: "update", target: "d", before: spec({ managed_by: "op" }), after: spec() },
      { action: "update", target: "e", before: spec(), after: spec({ settings: { title: "x" } }) },
      { action: "update", target: "f", before: spec(), after: spec({ definition: digestOf("other files") }) },
      { action: "scale", target: "g", before: spec(), after: spec({ replicas: 3 }) },
    );
    const drift = driftOf(APPROVED, plan, stateOf(APPROVED, ...["b", "c", "d", "e", "f", "g"].map((target) => running(target))));
    const expected = [
      "a missing",
      "b extra",
      "c other-version",
      "d other-settings",
      "e other-settings",
      "f other-version",
      "g other-replicas",
    ];
    assert.deepEqual(kinds(drift), expected);
    assert.deepEqual(drift.drifted.map(({ desired, actual }) => [desired, actual]).slice(0, 4), [
      ["kv 1.0.0 × 1", undefined],
      [undefined, "kv 1.0.0 × 1"],
      ["kv 1.1.0 × 1", "kv 1.0.0 × 1"],
      ["kv 1.0.0 × 1", "kv 1.0.0 × 1 (kept by ops)"],
    ]);
    assert.equal(drift.listed, 6);
  });

  it("a target as it should be that does not run is unhealthy; one that is another as well is both", () => {
    const plan = planOf(none("a"), none("b"), none("c"), { action: "scale", target: "d", before: spec(), after: spec({ replicas: 2 }) });
    const drift = driftOf(APPROVED, plan, stateOf(APPROVED, running("a", "unhealthy"), running("b", "stopped"), running("d", "starting")));
    assert.deepEqual(kinds(drift), ["a unhealthy", "b unhealthy", "c unhealthy", "d other-replicas", "d unhealthy"]);
    assert.deepEqual(
      drift.drifted.map(({ actual }) => actual),
      ["unhealthy", "stopped", "unknown", "kv 1.0.0 × 1", "starting"],
    );
  });

  it("what ops deployed besides is told apart, and what was removed or is the workspace itself is nothing", () => {
    const removed: TargetState = { target: "gone", version: 2, health: "unknown" };
    const drift = driftOf(APPROVED, planOf(none("kv")), stateOf(undefined, running("kv"), running("web"), removed));
    assert.deepEqual(
      [drift.drifted, drift.unlisted.map(({ target, kind }) => `${target} ${kind}`), drift.applied],
      [[], ["web unlisted"], undefined],
    );
  });

  it("the advice is to let desired-sync apply what is approved and was not applied, else to apply it again", () => {
    const plan = planOf({ action: "create", target: "kv", after: spec() });
    assert.match(driftOf(APPROVED, plan, stateOf("b".repeat(40))).drifted[0]?.advice ?? "", /^desired-sync applies aaaaaaaaaaaa by itself/);
    assert.match(
      driftOf(APPROVED, plan, stateOf(APPROVED)).drifted[0]?.advice ?? "",
      /^bring it back with `triplane op submit desired\.apply/,
    );
  });
});
