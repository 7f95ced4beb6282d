// A desk for tests of the protocol: it keeps what it was asked, and answers without a system behind it.
import { type Json, TriplaneError } from "@triplane/contract";
import type { Mode, RunView, ValidationReport } from "@triplane/reflection";
import type { Desk, OpStatus } from "../ports.ts";

export const JTI = "0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b";

export const MODE: Mode = {
  id: "look-around",
  trigger: "when asked",
  strategy: "Override",
  preconditions: [],
  steps: [{ id: "look", action: "look", actor: "Agent", depends_on: [], on_error: { strategy: "Stop" } }],
  postconditions: [],
};

export function opNamed(requestId: string, changes: Partial<OpStatus> = {}): OpStatus {
  return {
    ...{ jti: JTI, requestId, kind: "component.restart", target: "web", args: {}, state: "pending_approval", words: "lusab-babad" },
    ...{ digest: "sha256:0", issuedAt: "2026-01-05 09:00:00 UTC", expiresAt: "2026-01-05 09:10:00 UTC" },
    waitsFor: { needs: [{ rule: "restarts", count: 2, groups: ["platform"] }] },
    ...changes,
  };
}

export function runOf(changes: Partial<RunView> = {}): RunView {
  return {
    ...{ id: "run-1", mode: MODE.id, task: "look", actor: "Agent", state: "open", startedAt: "2026-01-05T09:00:00Z" },
    ...{ parameters: {}, preconditions: [], postconditions: [], ready: ["look"] },
    steps: [{ id: "look", action: "look", actor: "Agent", state: "ready", waitsFor: [], evidence: [] }],
    ...changes,
  };
}

export interface TestDesk extends Desk {
  /** What was asked, in order. */
  readonly asked: Json[];
}

/** `parts` replace what the desk would do. */
export function testDesk(parts: Partial<Desk> = {}): TestDesk {
  const asked: Json[] = [];
  const ask = (what: string, ...about: readonly Json[]): void => void asked.push([what, ...about]);
  const report: ValidationReport = {
    ...{ validation: "validate-ops-contract", workspace: "w1", at: "2026-01-05T09:00:00Z", verdict: "pass", complete: true },
    checks: [{ id: "c", invariant: "applied-once", what: "w", verdict: "pass", lookedAt: "l", saw: "s", tookMs: 1 }],
  };
  return {
    asked,
    workspace: "w1",
    agent: "scout",
    grant: async () => ({ workspace: "w1", agent: "scout", owner: "ana", scopes: [], expired: false, policyCommit: "c" }),
    ops: {
      plan: async () => {
        throw new TriplaneError("target_unknown", "there is no target kv");
      },
      submit: async (requestId, wish) => {
        ask("submit", requestId, wish.kind, wish.target, wish.expiresInS);
        return opNamed(requestId);
      },
      status: async (jti) => opNamed("r-1", { jti }),
      list: async () => [opNamed("r-1"), opNamed("r-2")],
      receipt: async () => ({ format: "receipt" }),
    },
    knowledge: {
      ontology: async () => ({
        nodes: [{ id: "keeper", description: "decides", artifact_paths: ["packages/signing"], invariants: [], adrs: [], rests_on: [] }],
      }),
      adrs: async () => [],
      why: async (name) => {
        if (name !== "applied-once") throw new TriplaneError("why_unknown", `nothing here is called ${name}`);
        return { kind: "rule", id: name, invariant: true, sentence: "once", decisions: [], nodes: [], checks: [] };
      },
      subjects: async () => ({
        kind: "subjects",
        invariants: [{ id: "applied-once", sentence: "once", decisions: ["adr-019"] }],
        nodes: [],
        decisions: [],
      }),
      policy: async () => ({ commit: "c", policy: { version: 1 } }),
      targets: async () => [{ target: "web", version: 1, health: "healthy" }],
      pages: async () => ["op-kinds"],
      page: async (name) => (name === "op-kinds" ? "# Op kinds" : undefined),
    },
    modes: { list: async () => [{ id: MODE.id, trigger: MODE.trigger, steps: 1 }], read: async () => MODE },
    runs: {
      start: async (mode, options) => {
        ask("start", mode, options.actor, options.task);
        return runOf();
      },
      report: async (mode, step, options) => {
        ask("report", mode, step, options.status, options.actor ?? "");
        return runOf({ state: "passed" });
      },
      show: async (run) => runOf({ id: run, actor: run === "run-of-ana" ? "Human" : "Agent" }),
      list: async () => [runOf()],
      cancel: async (run) => {
        ask("cancel", run);
        return runOf({ state: "cancelled" });
      },
    },
    validations: { list: async () => [{ name: "validate-ops-contract", checks: [{ id: "c", what: "w" }] }], run: async () => report },
    ...parts,
  };
}
