// Every check of every validation with one fact changed: it fails, says what it saw and what to do, and no other does.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { POLICY_ENTRY } from "@triplane/policy";
import { runValidation } from "../run.ts";
import type { Surroundings } from "../surroundings.ts";
import { CONTROLLER, DAY_S, type Facts, healthyFacts, MALLORY, NOW_S, WORKSPACE } from "../testing/healthy-facts.ts";
import { type CheckReport, VALIDATIONS } from "../types.ts";
import { VALIDATION_CHECKS } from "./index.ts";
import type { RepositoryFacts } from "./radicle-governance.ts";

/** What is changed so that the check fails. */
type Breakage = (facts: Facts) => Partial<Facts>;

const stream =
  (begins: string, change: (stream: Facts["bus"]["streams"][number]) => object): Breakage =>
  ({ bus }) => ({
    bus: { ...bus, streams: bus.streams.map((each) => (each.name.startsWith(begins) ? { ...each, ...change(each) } : each)) },
  });

const differs = (setting: string) => [{ of: "OPS_AUDIT", setting, expected: 1, actual: 2 }];

const repository =
  (name: RepositoryFacts["name"], change: object): Breakage =>
  ({ governance }) => ({
    governance: {
      ...governance,
      repositories: governance.repositories.map((each) => (each.name === name ? { ...each, ...change } : each)),
    },
  });

const policyFile =
  (name: string, change: (text: string) => string): Breakage =>
  ({ policy }) => ({ policy: { ...policy, files: new Map([...policy.files, [name, change(String(policy.files.get(name)))]]) } });

const target =
  (job: string): Breakage =>
  ({ prometheus }) => ({
    prometheus: { ...prometheus, targets: prometheus.targets.map((each) => (each.job === job ? { ...each, health: "down" } : each)) },
  });

const playbook =
  (change: object): Breakage =>
  ({ playbooks: { playbooks } }) => ({ playbooks: { playbooks: playbooks.map((each, at) => (at === 0 ? { ...each, ...change } : each)) } });

const BREAKAGES: Readonly<Record<string, Breakage>> = {
  "bus-syncs-before-it-confirms": ({ bus }) => ({
    bus: { ...bus, syncProblem: new TriplaneError("stream_mismatch", "sync_interval is 2m") },
  }),
  "ops-streams-exist": stream("OPS_ANSWER_", () => ({ found: false, consumers: [] })),
  "stream-retention": stream("OPS_AUDIT_", () => ({ differences: differs("retention") })),
  "stream-settings": stream("OPS_AUDIT_", () => ({ differences: differs("max_age") })),
  "consumer-settings": ({ bus }) => ({
    bus: { ...bus, consumers: bus.consumers.map((each) => ({ ...each, differences: differs("ack_wait") })) },
  }),
  "one-command-consumer": stream("OPS_CMD_", ({ consumers }) => ({ consumers: [...consumers, "rogue"] })),
  "no-unknown-consumer": stream("OPS_AUDIT_", ({ consumers }) => ({ consumers: [...consumers, "spy"] })),
  "three-repositories": ({ governance }) => ({
    governance: {
      ...governance,
      repositories: governance.repositories.map((each) =>
        each.name === "desired"
          ? { name: each.name, rid: each.rid, problem: { code: "repo_unverified", message: "it does not verify" } }
          : each,
      ),
    },
  }),
  "state-single-delegate": repository("state", { delegates: [CONTROLLER, MALLORY] }),
  "quorum-of-operators": repository("policy", { threshold: 1 }),
  "approved-heads": repository("desired", { approved: undefined }),
  "refs-signed": repository("policy", { stray: ["refs/heads/main"] }),
  "commits-signed": repository("policy", {
    signatures: { commits: 1, complete: true, unsigned: [{ commit: "d".repeat(40), head: "main", why: "nobody signed it" }], signers: [] },
  }),
  "policy-data-only": policyFile(POLICY_ENTRY, (text) => `${text.trimEnd()} & { policy_version = (fun x => x) 2 }`),
  "policy-sound": policyFile(POLICY_ENTRY, (text) => text.replace("version = 1", "version = 2")),
  "policy-pins": ({ policy }) => ({ policy: { ...policy, workspace: "another" } }),
  "policy-cases": policyFile("keeper_policy.test.ncl", (text) => text.replace("verdict = 'Admit", "verdict = 'Refuse")),
  "golden-image-fresh": ({ golden }) => ({
    golden: { ...golden, current: { id: "golden", version: "1", createdAtS: NOW_S - 15 * DAY_S } },
  }),
  "registry-reachable": () => ({ registry: { status: 200 } }),
  "runner-component-registered": ({ catalog }) => ({ catalog: { ...catalog, runner: { problem: "it does not read" } } }),
  "no-leaked-runner": ({ runners }) => ({ runners: { ...runners, leases: [] } }),
  "daemons-export-metrics": ({ daemons: { daemons } }) => ({ daemons: { daemons: daemons.map((each) => ({ ...each, series: 0 })) } }),
  "prometheus-ready": ({ prometheus }) => ({ prometheus: { ...prometheus, ready: false } }),
  "prometheus-scrapes-controller": target("ops-controller"),
  "prometheus-scrapes-daemons": target("keeper-daemon"),
  "loki-ready": () => ({ loki: { status: 503, body: "Ingester not ready: waiting for 15s after being ready\n" } }),
  "grafana-healthy": () => ({ grafana: { status: 200, body: '{"database":"failing"}' } }),
  "vector-healthy": () => ({ vector: { status: 0, body: "connection refused" } }),
  "playbooks-present": ({ playbooks: { playbooks } }) => ({ playbooks: { playbooks: playbooks.slice(1) } }),
  "playbook-schema": playbook({ problem: "playbook.ncl:1:1: it is none", scripts: [] }),
  "playbook-scripts-exist": playbook({ missing: ["look.nu"] }),
  "nushell-scripts-parse": ({ scripts }) => ({
    scripts: { ...scripts, problems: [{ file: "look.nu", line: 1, column: 2, message: "Unclosed delimiter" }] },
  }),
  "playbook-dry-runs": ({ dryRuns: { runs } }) => ({
    dryRuns: { runs: runs.map((each) => ({ ...each, ok: false, saw: "step look: fail" })) },
  }),
};

async function judged(facts: Facts): Promise<readonly CheckReport[]> {
  const sources = Object.fromEntries(Object.entries(facts).map(([name, found]) => [name, { where: name, read: async () => found }]));
  const surroundings = { workspace: WORKSPACE, nowS: () => NOW_S, ...sources } as unknown as Surroundings;
  const reports = await Promise.all(VALIDATIONS.map((validation) => runValidation(validation, surroundings)));
  return reports.flatMap(({ checks }) => checks);
}

describe("checks of validations", () => {
  it("every one of them is broken here", () => {
    assert.deepEqual(
      Object.keys(BREAKAGES),
      VALIDATION_CHECKS.map(({ id }) => id),
    );
  });

  it("all hold in a system in which nothing is wrong", async () => {
    const red = (await judged(healthyFacts())).filter(({ verdict }) => verdict !== "pass");
    assert.deepEqual(red, []);
  });

  for (const [id, breakage] of Object.entries(BREAKAGES))
    it(`${id} fails when what it looks at is broken, and no other does`, async () => {
      const facts = healthyFacts();
      const found = await judged({ ...facts, ...breakage(facts) });
      assert.deepEqual(
        found.filter(({ verdict }) => verdict === "fail" || verdict === "unknown").map((check) => `${check.id} ${check.verdict}`),
        [`${id} fail`],
      );
      const { saw = "", todo = "", lookedAt = "" } = found.find((check) => check.id === id) ?? {};
      for (const said of [saw, todo, lookedAt]) assert.notEqual(said, "");
    });
});
