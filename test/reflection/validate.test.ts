// Every validation on a running system, whose parts are broken one at a time: exactly the check that is about it turns red, and says why.
import assert from "node:assert/strict";
import { appendFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { generateSigningKey, nowSeconds, streamNames } from "@triplane/contract";
import { readKeyFile, systemClock } from "@triplane/kit";
import {
  commitFiles,
  ledgerCheckpoint,
  pushHead,
  readTreeFiles,
  repositoryDir,
  reviseIdentity,
  setCanonicalRefs,
  verifyRepository,
} from "@triplane/ledger";
import type { CheckReport } from "@triplane/reflection";
import { eventually } from "@triplane/testkit";
import { askNats } from "../checker/raw-nats.ts";
import { POOL, WatchedSystem } from "./watched-system.ts";

interface Breakage {
  readonly what: string;
  readonly check: string;
  readonly says: RegExp;
  /** Returns what puts it right again. */
  readonly breakIt: () => Promise<() => Promise<unknown>>;
  /** Checks that cannot be made any more, and say so. */
  readonly leftOut?: readonly string[];
}

const DAY_S = 86_400;

describe("triplane validate on a running system", { timeout: 800_000 }, () => {
  const stopping = new AbortController();
  let system: WatchedSystem;
  let healthy: ReadonlyMap<string, CheckReport>;

  const nats = (...asks: Parameters<typeof askNats>[1][]) => askNats(system.sources, ...asks);
  const streams = () => streamNames(system.world.workspace.workspace);
  const repository = (name: "policy" | "desired" | "state") =>
    repositoryDir(system.world.layout.storage, system.world.workspace.pins[name].rid);
  const key = (name: string) => readKeyFile(system.world.layout.keyFile(name));

  /** Changes a setting of a stream by the raw API. */
  async function restream(stream: string, change: object): Promise<() => Promise<unknown>> {
    const [info] = await nats([`STREAM.INFO.${stream}`, {}]);
    const config = info?.["config"] as object;
    await nats([`STREAM.UPDATE.${stream}`, { ...config, ...change }]);
    return () => nats([`STREAM.UPDATE.${stream}`, config]);
  }

  const BREAKAGES: readonly Breakage[] = [
    {
      what: "a second consumer of the audit stream",
      check: "no-unknown-consumer",
      says: /OPS_AUDIT_libre-wuji has spy/,
      breakIt: async () => {
        const stream = streams().audit;
        const config = { durable_name: "spy", ack_policy: "explicit" };
        await nats([`CONSUMER.DURABLE.CREATE.${stream}.spy`, { stream_name: stream, config }]);
        return () => nats([`CONSUMER.DELETE.${stream}.spy`, {}]);
      },
    },
    {
      what: "another consumer of commands in the place of the controller's",
      check: "one-command-consumer",
      says: /1 consumer: rogue/,
      breakIt: async () => {
        const stream = streams().cmd;
        const [info] = await nats([`CONSUMER.INFO.${stream}.ops-controller`, {}], [`CONSUMER.DELETE.${stream}.ops-controller`, {}]);
        const create = (name: string, config: unknown) =>
          nats([`CONSUMER.DURABLE.CREATE.${stream}.${name}`, { stream_name: stream, config }]);
        await create("rogue", { durable_name: "rogue", ack_policy: "explicit" });
        return async () => {
          await nats([`CONSUMER.DELETE.${stream}.rogue`, {}]);
          await create("ops-controller", info?.["config"]);
        };
      },
    },
    {
      what: "a stream with another retention",
      check: "stream-retention",
      says: /OPS_ANSWER_libre-wuji: retention is "interest", must be "limits"/,
      breakIt: () => restream(streams().answer, { retention: "interest" }),
    },
    {
      what: "a stream that forgets",
      check: "stream-settings",
      says: /OPS_AUDIT_libre-wuji: max_age is 86400000000000, must be 0/,
      breakIt: () => restream(streams().audit, { max_age: DAY_S * 1e9 }),
    },
    {
      what: "a golden image that is 15 days old",
      check: "golden-image-fresh",
      says: /15\.\d days old, more than 14\.0 days: the pool makes no runner from it/,
      breakIt: async () => {
        system.laterByS = 15 * DAY_S;
        return async () => {
          system.laterByS = 0;
        };
      },
    },
    {
      what: "a runner that no lease holds",
      check: "no-leaked-runner",
      says: /1 runner at hcloud in the pool builds, 0 live leases; without a lease: lease-0{32}/,
      breakIt: async () => {
        const name = `lease-${"0".repeat(32)}`;
        const expires = String(nowSeconds(systemClock) + 3600);
        const labels = { "managed-by": "triplane", pool: POOL, lease: name, tenant: "default", tier: "cx22", expires };
        const server = await system.cloud.create({ name, labels });
        return () => system.cloud.remove(server);
      },
    },
    {
      what: "a registry that serves strangers",
      check: "registry-reachable",
      says: /it serves whoever asks/,
      breakIt: async () => {
        system.registry.status = 200;
        return async () => {
          system.registry.status = 401;
        };
      },
    },
    {
      what: "a scrape target at which nobody answers",
      check: "prometheus-scrapes-daemons",
      says: /audit-mirror: down, .*connection refused/,
      breakIt: async () => {
        await system.misplace("audit-mirror");
        return () => system.putBack("audit-mirror");
      },
    },
    {
      what: "an ops-controller that is not scraped",
      check: "prometheus-scrapes-controller",
      says: /ops-controller: down/,
      breakIt: async () => {
        await system.misplace("ops-controller");
        return () => system.putBack("ops-controller");
      },
    },
    {
      what: "a Grafana without its database",
      check: "grafana-healthy",
      says: /503 .*failing/,
      breakIt: async () => {
        system.grafana.setWell(false);
        return async () => system.grafana.setWell(true);
      },
    },
    {
      what: "a playbook whose script is gone",
      check: "playbook-scripts-exist",
      says: /rotate_keys\/look\.nu: not there/,
      breakIt: async () => {
        const restore = await system.kept(join(system.provisioning, "catalog/playbooks/rotate_keys"));
        await rm(join(system.provisioning, "catalog/playbooks/rotate_keys/look.nu"));
        return restore;
      },
    },
    {
      what: "a Nushell syntax error",
      check: "nushell-scripts-parse",
      says: /reflection\/handlers\/validate-playbooks\.nu:\d+:\d+: /,
      breakIt: async () => {
        const restore = await system.kept(join(system.provisioning, "reflection/handlers"));
        await appendFile(join(system.provisioning, "reflection/handlers/validate-playbooks.nu"), "\nlet broken = (1 +\n");
        return restore;
      },
    },
    {
      what: "an unsigned commit on top of the policy",
      check: "commits-signed",
      says: /policy: [0-9a-f]{12} at refs\/heads\/main: the commit is not signed/,
      breakIt: async () => {
        const repo = repository("policy");
        const head = await system.git(repo, "rev-parse", "refs/heads/main");
        const commit = await system.git(repo, "commit-tree", `${head}^{tree}`, "-p", head, "-m", "nobody signed this");
        await system.git(repo, "update-ref", "refs/heads/main", commit);
        return () => system.git(repo, "update-ref", "refs/heads/main", head);
      },
    },
    {
      what: "a second delegate of the ledger",
      check: "state-single-delegate",
      says: /2 delegates: did:key:z6Mk\w+, did:key:z6Mk\w+; must be the ops-controller's key alone/,
      breakIt: async () => {
        const repo = repository("state");
        const restore = await system.kept(repo);
        const { identity } = await verifyRepository(repo, system.world.workspace.pins.state);
        const author = await key("controller");
        const doc = { ...identity.doc, delegates: [...identity.doc.delegates, generateSigningKey().did] };
        await reviseIdentity({ repo, parent: identity.revision, doc, author, acceptedBy: [], clock: systemClock });
        return restore;
      },
    },
    {
      what: "a function in the policy in force",
      check: "policy-data-only",
      says: /keeper_policy\.ncl:\d+:\d+/,
      leftOut: ["policy-sound", "policy-pins", "policy-cases"],
      breakIt: async () => {
        const repo = repository("policy");
        const restore = await system.kept(repo);
        const parent = await system.git(repo, "rev-parse", "refs/heads/main");
        const [ana, ben] = [await key("ana"), await key("ben")];
        const policy = (await readTreeFiles(repo, parent, { maxBytes: 1_000_000 })).get("keeper_policy.ncl") ?? "";
        const files = { "keeper_policy.ncl": `${policy.trimEnd()} & { policy_version = (fun x => x) 2 }\n` };
        const commit = await commitFiles({ repo, key: ana, parent, files, message: "compute the version", timeS: nowSeconds(systemClock) });
        for (const signer of [ana, ben]) await pushHead({ repo, key: signer, branch: "main", commit, clock: systemClock });
        await setCanonicalRefs(repo, "main", commit);
        return async () => {
          await restore();
          // What it saw is taken back on purpose here.
          await rm(system.world.layout.validationMemory);
        };
      },
    },
  ];

  before(async () => {
    system = await WatchedSystem.start(stopping.signal);
    // What the CI plane deployed has to be in the ledger: its repository is copied below.
    await eventually(isQuiet, { timeoutMs: 120_000, what: "a ledger with what the CI plane deployed" });
  });
  after(async () => {
    stopping.abort();
    await system?.[Symbol.asyncDispose]();
  });

  async function isQuiet(): Promise<boolean> {
    const { world } = system;
    if ((await world.waiting("pending")) + (await world.waiting("cmd")) > 0) return false;
    return ((await ledgerCheckpoint(world.ledgerDir, world.workspace.pins.state))?.size ?? 0) > 0;
  }

  it("is green before anything is broken", async () => {
    healthy = await system.validate();
    const red = [...healthy.values()].filter(({ verdict }) => verdict === "fail" || verdict === "unknown");
    assert.deepEqual(red, []);
    assert.deepEqual(
      [...healthy.values()].filter(({ verdict }) => verdict === "skip").map(({ id }) => id),
      ["playbook-dry-runs"],
    );
  });

  for (const { what, check, says, breakIt, leftOut = [] } of BREAKAGES) {
    it(`${what}: ${check}, and no other`, async () => {
      const restore = await breakIt();
      let broken: ReadonlyMap<string, CheckReport>;
      try {
        broken = await system.validate();
      } finally {
        await restore();
      }
      const changed = [...broken.values()].filter(({ id, verdict }) => verdict !== healthy.get(id)?.verdict);
      assert.deepEqual(
        changed.map(({ id, verdict }) => [id, verdict]),
        [...broken.keys()].flatMap((id) => (id === check ? [[id, "fail"]] : leftOut.includes(id) ? [[id, "skip"]] : [])),
        changed.map(({ id, saw }) => `${id}: ${saw}`).join("\n"),
      );
      const found = broken.get(check);
      assert.match(found?.saw ?? "", says);
      assert.ok((found?.todo ?? "").length > 0 && found?.lookedAt !== "");
    });
  }

  it("goes through every playbook dry", async () => {
    system.dryRuns = true;
    const found = await system.validate();
    assert.deepEqual([found.get("playbook-dry-runs")?.verdict, found.get("playbook-dry-runs")?.saw], ["pass", "8 playbooks to the end"]);
    system.dryRuns = false;
  });

  it("is as green as before when everything is put right again", async () => {
    const now = await system.validate();
    assert.deepEqual(
      [...now.values()].map(({ id, verdict }) => [id, verdict]),
      [...healthy.values()].map(({ id, verdict }) => [id, verdict]),
    );
  });
});
