// For tests of judgements: facts of a system in which every check holds. One fact is changed at a time.
import { readFileSync } from "node:fs";
import { consumerSettings, type Did, streamSettings } from "@triplane/contract";
import { loadPolicy, POLICY_ENTRY } from "@triplane/policy";
import { PLAYBOOKS } from "../checks/playbooks.ts";
import type { GovernedRepositoryName, RepositoryFacts } from "../checks/radicle-governance.ts";
import type { Sources } from "../surroundings.ts";

export const WORKSPACE = "libre-wuji";
export const NOW_S = 1_800_000_000;
export const DAY_S = 86_400;
export const CONTROLLER = "did:key:z6MkController" as Did;
export const [ANA, BEN, MALLORY] = ["did:key:z6MkAna", "did:key:z6MkBen", "did:key:z6MkMallory"] as [Did, Did, Did];

/** What a source gives. */
export type Facts = {
  readonly [Name in keyof Sources]: Awaited<ReturnType<Extract<Sources[Name], { where: string }>["read"]>>;
};

const PAGE = readFileSync(new URL("../../../../../docs/reference/keeper-policy.md", import.meta.url), "utf8");

function policyFiles(): ReadonlyMap<string, string> {
  const [policy = "", cases = ""] = [...PAGE.matchAll(/```ncl\n(.*?)```/gs)].map((match) => match[1]);
  return new Map([
    [POLICY_ENTRY, policy],
    ["keeper_policy.test.ncl", cases],
  ]);
}

function policyFacts(): Facts["policy"] {
  const files = policyFiles();
  const { workspace, pins } = loadPolicy(files).policy;
  const pinned = ({ rid, root }: { readonly rid: string; readonly root: string }) => ({ rid, identityRoot: root });
  return { workspace, commit: "c".repeat(40), files, pins: { desired: pinned(pins.desired), state: pinned(pins.state) } };
}

function repository(name: GovernedRepositoryName): RepositoryFacts {
  const delegates = name === "state" ? [CONTROLLER] : [ANA, BEN];
  return {
    ...{ name, rid: `rad:${name}`, revisions: 1, delegates, everDelegates: delegates, threshold: delegates.length },
    ...{ refused: [], stray: [], signedRefs: delegates.length },
    signatures: { commits: 3, complete: true, unsigned: [], signers: delegates },
    ...(name === "state" ? {} : { approved: { commit: "a".repeat(40), signedBy: 2 } }),
  };
}

function busFacts(): Facts["bus"] {
  const agreed = consumerSettings(WORKSPACE);
  return {
    serverVersion: "2.15.1",
    syncProblem: undefined,
    streams: streamSettings(WORKSPACE).map(({ name }) => {
      const consumers = agreed.filter(({ stream }) => stream === name).map((consumer) => consumer.durable_name);
      return { name, found: true, differences: [], consumers, messages: 0 };
    }),
    consumers: agreed.map(({ stream, durable_name }) => ({ stream, name: durable_name, found: true, differences: [] })),
  };
}

const DAEMONS = [
  { name: "ops-controller", address: "127.0.0.1:7001" },
  { name: "keeper-daemon", address: "127.0.0.1:7002" },
];

export function healthyFacts(): Facts {
  return {
    bus: busFacts(),
    governance: {
      ...{ minThreshold: 2, controller: CONTROLLER, operators: new Set([ANA, BEN]) },
      repositories: [repository("policy"), repository("desired"), repository("state")],
    },
    policy: policyFacts(),
    catalog: { components: ["buildkit-runner", "web"], runner: { version: "1.0.0" } },
    golden: {
      ...{ provider: "local", platform: "linux/amd64", limits: { warnAfterS: 7 * DAY_S, refuseAfterS: 14 * DAY_S } },
      current: { id: "golden", version: "1", createdAtS: NOW_S - DAY_S },
    },
    registry: { status: 401 },
    runners: { provider: "local", pool: "builds", servers: [{ id: "1", name: "a", lease: "l1", createdAtS: NOW_S }], leases: ["l1"] },
    daemons: {
      daemons: DAEMONS.map((daemon) => ({ ...daemon, healthStatus: 200, series: 5, names: [daemon.name.replace("-daemon", "")] })),
    },
    prometheus: {
      ready: true,
      targets: DAEMONS.map(({ name, address }) => ({ job: name, scrapeUrl: `http://${address}/metrics`, health: "up", lastError: "" })),
      daemons: DAEMONS,
    },
    loki: { status: 200, body: "ready\n" },
    grafana: { status: 200, body: '{"database":"ok"}' },
    vector: { status: 200, body: '{"ok":true}' },
    playbooks: { playbooks: PLAYBOOKS.map((name) => ({ name, scripts: ["look.nu"], missing: [] })) },
    scripts: { version: "0.115.1", scripts: ["look.nu"], problems: [] },
    dryRuns: { runs: PLAYBOOKS.map((name) => ({ name, ok: true, saw: "passed" })) },
  };
}
