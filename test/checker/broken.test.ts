import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { after, before, describe, it, test } from "node:test";
import type { Finding } from "@triplane/checker";
import { connectAs } from "@triplane/cli";
import {
  buckets,
  digestOf,
  generateSigningKey,
  INVARIANTS,
  type InvariantId,
  signRefusal,
  streamNames,
  verifyAdmission,
  verifyAuditRecord,
} from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import { commitFiles, pushHead, reviseIdentity, verifyRepository } from "@triplane/ledger";
import { Outbox } from "@triplane/submitter";
import { appliedRefusal, forgedRecord } from "./forging.ts";
import { askNats } from "./raw-nats.ts";
import { Workshop } from "./workshop.ts";

let shop: Workshop;
const stopped = new AbortController();

/** One way, or more, to break each invariant, on real parts; the finding has to be about that very thing. */
interface Breakage {
  readonly what: string;
  readonly finding: () => Promise<Finding>;
  /** What the violation has to name. */
  readonly names: () => RegExp | Promise<RegExp>;
}

async function lastRecord() {
  const record = (await shop.records()).at(-1);
  assert.ok(record !== undefined);
  return record;
}

async function hands() {
  const [like, issuer, keeper, controller, ben] = await Promise.all([
    lastRecord(),
    shop.key("ana"),
    shop.key("keeper"),
    shop.key("controller"),
    shop.key("ben"),
  ]);
  return { like, issuer, keeper, controller, ben };
}

/** A lease that is over and was what it should be, with what is wrong with it. */
function leaseWith(digit: number, wrong: Readonly<Record<string, unknown>>): string {
  const doc = {
    ...{ build_id: `b${digit}`, retry_of: null, repo: "acme/api", tier: "cx22", state: "gone", created_at: 1000, expires_at: 4600 },
    ...{ server_id: null, booting_at: 1010, ended_at: 2000, offer: { memory_mib: 4096 }, ...wrong },
  };
  return `CREATE type::record('leases', 'lease-${String(digit).repeat(32)}') SET doc = ${JSON.stringify(doc)};`;
}

const withRows = (...rows: readonly string[]) => shop.storeWith("orchestratorStore", rows.join(" "));

const BREAKAGES: Readonly<Record<InvariantId, readonly Breakage[]>> = {
  "policy-files-are-declarative-only": [
    {
      what: "a function in a commit of the policy that two delegates signed",
      finding: async () => {
        const { pins } = shop.world.workspace;
        const repo = await shop.copy(shop.sources.policyRepo, "policy");
        const [ana, ben] = [await shop.key("ana"), await shop.key("ben")];
        const { signed } = await verifyRepository(repo, pins.policy);
        const parent = signed.get(ana.did)?.get("refs/heads/main");
        const files = { "extra.ncl": '# no fun\n{ a = "fun x => x", b = fun x => x }\n' };
        const commit = await commitFiles({ repo, key: ana, parent, files, message: "A function", timeS: 1_800_000_000 });
        for (const key of [ana, ben]) await pushHead({ repo, key, branch: "main", commit, clock: systemClock });
        return shop.finding("policy-files-are-declarative-only", { policyRepo: repo });
      },
      names: () => /extra\.ncl:2:25 of policy commit [0-9a-f]{40} has fun/,
    },
  ],
  "ops-controller-single-workqueue-consumer": [
    {
      what: "another consumer in the place of the controller's, made by the raw API",
      finding: async () => {
        const stream = streamNames(shop.sources.workspace).cmd;
        const create = (name: string, config: unknown) =>
          [`CONSUMER.DURABLE.CREATE.${stream}.${name}`, { stream_name: stream, config }] as const;
        const [controller] = await askNats(
          shop.sources,
          [`CONSUMER.INFO.${stream}.ops-controller`, {}],
          [`CONSUMER.DELETE.${stream}.ops-controller`, {}],
          create("rogue", { durable_name: "rogue", ack_policy: "explicit" }),
        );
        try {
          return await shop.finding("ops-controller-single-workqueue-consumer");
        } finally {
          await askNats(shop.sources, [`CONSUMER.DELETE.${stream}.rogue`, {}], create("ops-controller", controller?.["config"]));
        }
      },
      names: () => /has the consumer rogue/,
    },
    {
      what: "a change under an older fence after one under a newer",
      finding: async () =>
        shop.finding(
          "ops-controller-single-workqueue-consumer",
          await shop.storeWith(
            "orchestratorStore",
            "UPDATE ops SET doc.fence = 1 WHERE doc.target = 'flags-a' AND doc.state_version_before = 1;",
          ),
        ),
      names: () => /flags-a went to version 2 under the fence 1 after/,
    },
  ],
  "state-repo-single-delegate": [
    {
      what: "a revision of the identity with a second delegate",
      finding: async () => {
        const { pins } = shop.world.workspace;
        const repo = await shop.copy(shop.world.ledgerDir, "state");
        const controller = await shop.key("controller");
        const { identity } = await verifyRepository(repo, pins.state);
        const doc = { ...identity.doc, delegates: [controller.did, (await shop.key("ana")).did] };
        await reviseIdentity({ repo, parent: identity.revision, doc, author: controller, acceptedBy: [], clock: systemClock });
        return shop.finding("state-repo-single-delegate", { stateRepo: repo });
      },
      names: async () => new RegExp(`has the delegates ${(await shop.key("ana")).did} besides the controller`),
    },
  ],
  "oom-retry-bounded": [
    {
      what: "a second retry of one build",
      finding: async () => {
        const retry = { retry_of: "b1", tier: "cx32", offer: { memory_mib: 8192 } };
        return shop.finding("oom-retry-bounded", await withRows(leaseWith(1, {}), leaseWith(2, retry), leaseWith(3, retry)));
      },
      names: () => /the build b1 was retried by b2 and by b3/,
    },
  ],
  "runner-always-destroyed": [
    {
      what: "a lease that is over and still has a server",
      finding: async () => shop.finding("runner-always-destroyed", await withRows(leaseWith(1, { server_id: "s1" }))),
      names: () => /is gone and still has the server s1/,
    },
    {
      what: "a runner of a lease that is over, in the folder of local runners",
      finding: async () => {
        const runnersDir = await shop.place("runners");
        const lease = `lease-${"1".repeat(32)}`;
        await mkdir(join(runnersDir, lease), { recursive: true });
        await writeFile(join(runnersDir, lease, "runner.json"), JSON.stringify({ id: "tpr-1", name: lease, labels: { lease } }));
        return await shop.finding("runner-always-destroyed", { ...(await withRows(leaseWith(1, {}))), runnersDir });
      },
      names: () => /the runner tpr-1 is there, and its lease lease-1{32} is gone/,
    },
  ],
  "persist-before-ack": [
    {
      what: "the row of an acked command is gone",
      finding: async () =>
        shop.finding(
          "persist-before-ack",
          await shop.storeWith("controllerStore", `DELETE type::record('ops', '${(await lastRecord()).claims.subject}');`),
        ),
      names: async () => new RegExp(`decision about ${(await lastRecord()).claims.subject} .* has no row in the database any more`),
    },
    {
      what: "the row and the record of an acked command are gone",
      finding: async () => {
        const records = await shop.records();
        const store = await shop.storeWith("controllerStore", `DELETE type::record('ops', '${records.at(-1)?.claims.subject ?? ""}');`);
        return shop.finding("persist-before-ack", { ...store, ...(await shop.ledgerOf(records.slice(0, -1))) });
      },
      names: async () =>
        new RegExp(`decision about ${(await lastRecord()).claims.subject} .* is neither in OPS_CMD_libre-wuji nor has it a row`),
    },
    {
      what: "a ledger that lacks what the mirror acked",
      finding: async () => shop.finding("persist-before-ack", await shop.ledgerOf((await shop.records()).slice(0, -1))),
      names: async () => new RegExp(`the record of ${(await lastRecord()).claims.subject}, is acked, not in the ledger`),
    },
  ],
  "publish-before-ack": [
    {
      what: "a row that ended and left the outbox, and was never published",
      finding: async () => {
        const { like, issuer, keeper, controller } = await hands();
        const record = forgedRecord({ like, issuer, decider: keeper, controller });
        const { subject, decision } = verifyAuditRecord(record).claims;
        const row = {
          ...{ subject, op_digest: verifyAdmission(decision).claims.op_digest, position: 99, stream_seq: 99, accepted_at: 1 },
          ...{ state: "finished", outcome: "applied", record },
        };
        const store = await shop.storeWith("controllerStore", `CREATE type::record('ops', '${subject}') SET doc = ${JSON.stringify(row)};`);
        return shop.finding("publish-before-ack", store);
      },
      names: () => /left the outbox, and is neither on OPS_AUDIT_libre-wuji nor in the ledger/,
    },
    {
      what: "a decision that the keeper recorded, acked and never published",
      finding: async () => {
        const { like, keeper } = await hands();
        const { aud, policy } = verifyAdmission(like.claims.decision).claims;
        const op_digest = digestOf("an op that nobody has");
        const about = { aud, policy, op_digest, code: "sequence_gap", fact: "for tests", approvals: [], facts: {}, consumes_seq: false };
        const text = signRefusal({ ...about, decided_at: 1_800_000_000 }, keeper);
        const bus = await connectAs({ role: "keeper" }, shop.world.layout, shop.world.workspace, shop.world.options);
        try {
          const bucket = await bus.keyValue(buckets(shop.sources.workspace).seq);
          const output = { subject: `ops.cmd.${shop.sources.workspace}`, text };
          await bucket.create(`refused-${op_digest.slice("sha256:".length)}`, JSON.stringify({ op_digest, output }));
        } finally {
          await bus.close();
        }
        return shop.finding("publish-before-ack");
      },
      names: () => new RegExp(`the op ${digestOf("an op that nobody has")} .* is off OPS_PENDING_libre-wuji, and its decision is nowhere`),
    },
  ],
  "applied-once": [
    {
      what: "an effect that the driver had twice",
      finding: async () => {
        const journal = await shop.copy(shop.sources.effects ?? "", "effects.jsonl");
        const text = await readFile(journal, "utf8");
        await writeFile(journal, `${text}${text.split("\n")[0] ?? ""}\n`);
        return shop.finding("applied-once", { effects: journal });
      },
      names: () => /the driver's journal has the effect of \S+ on flags-a in lines 1 and \d/,
    },
    {
      what: "a version of a target that no op made",
      finding: async () =>
        shop.finding(
          "applied-once",
          await shop.storeWith("orchestratorStore", "UPDATE type::record('targets', 'flags-b') SET doc.version = 3;"),
        ),
      names: () => /flags-b is at version 3, and no op can have made version 3/,
    },
    {
      what: "two ops that made the same version",
      finding: async () =>
        shop.finding(
          "applied-once",
          await shop.storeWith(
            "orchestratorStore",
            "UPDATE ops SET doc.result.state_version_after = 1, doc.state_version_before = 0 WHERE doc.target = 'flags-a';",
          ),
        ),
      names: () => /both made version 1 of flags-a/,
    },
    {
      what: "an effect without a row of the controller",
      finding: async () =>
        shop.finding(
          "applied-once",
          await shop.storeWith("controllerStore", `DELETE type::record('ops', '${(await lastRecord()).claims.subject}');`),
        ),
      names: async () => new RegExp(`applied ${(await lastRecord()).claims.subject}, of which the controller has no row`),
    },
    {
      what: "an op that the orchestrator would not apply, whose row it lost",
      finding: async () =>
        shop.finding("applied-once", await shop.storeWith("orchestratorStore", "DELETE ops WHERE doc.result.status = 'conflict';")),
      names: async () => {
        const conflict = (await shop.records()).find(({ claims }) => claims.outcome === "conflict");
        return new RegExp(`recorded ${conflict?.claims.subject} as conflict, the orchestrator has no row of it any more`);
      },
    },
    {
      what: "an op that is accepted and was forgotten",
      finding: async () => {
        const { subject, decision } = (await lastRecord()).claims;
        const change = `UPDATE type::record('ops', '${subject}') SET doc.state = 'accepted', doc.target = 'flags-b', doc.decision = '${decision}';`;
        return shop.finding("applied-once", await shop.storeWith("controllerStore", change));
      },
      names: async () => new RegExp(`op ${(await lastRecord()).claims.subject} on flags-b is accepted at position \\d+ and not ended`),
    },
  ],
  "every-command-lands": [
    {
      what: "a record dropped from the ledger, which was signed anew",
      finding: async () => shop.finding("every-command-lands", await shop.ledgerOf((await shop.records()).toSpliced(1, 1))),
      names: async () => new RegExp(`${(await shop.records())[1]?.claims.subject} ended as applied, and has no record in the ledger`),
    },
    {
      what: "a number of a key that is nowhere",
      finding: async () => {
        const records = await shop.records();
        const subject = records[1]?.claims.subject ?? "";
        const store = await shop.storeWith("controllerStore", `DELETE type::record('ops', '${subject}');`);
        return shop.finding("every-command-lands", { ...store, ...(await shop.ledgerOf(records.toSpliced(1, 1))), outboxes: [] });
      },
      names: async () => new RegExp(`number 2 of ${(await shop.key("ana")).did} is in no record, and nowhere on its way`),
    },
    {
      what: "an op that a broker confirmed and nobody has",
      finding: async () => {
        const outbox = await shop.copy(shop.world.layout.outbox("ana"), "ana");
        const audience = `${shop.sources.workspace}/${shop.sources.pins.policy.rid}`;
        const box = new Outbox({ folder: outbox, audience, clock: systemClock, random: shop.world.options.random });
        const draft = {
          op: "component.restart",
          target: "flags-a",
          scope: "platform",
          args: {},
          expected_state_version: 2,
          expiresInS: 600,
        };
        await box.markSent(await box.prepare(draft, await shop.key("ana")));
        return shop.finding("every-command-lands", { outboxes: [{ principal: "ana", folder: outbox }] });
      },
      names: () => /a broker confirmed \S+ of ana, and it is nowhere/,
    },
    {
      what: "a record that the database does not know",
      finding: async () => {
        const { like, issuer, keeper, controller } = await hands();
        const forged = forgedRecord({ like, issuer, decider: keeper, controller, op: { seq: 6 } });
        return shop.finding("every-command-lands", await shop.ledgerOf([...(await shop.records()), forged]));
      },
      names: () => /record 5 says that \S+ is applied, and the database has no row of it/,
    },
  ],
  "chain-verified-at-every-hop": [
    {
      what: "an admission that an operator signed for their own op",
      finding: async () => {
        const { like, issuer, controller } = await hands();
        const forged = forgedRecord({ like, issuer, decider: generateSigningKey(), controller, op: { seq: 6 } });
        return shop.finding("chain-verified-at-every-hop", await shop.ledgerOf([...(await shop.records()), forged]));
      },
      names: () => /record 5: its decision is signed by did:key:\S+, who is neither keeper nor may admit/,
    },
    {
      what: "an op of somebody whom the policy does not know",
      finding: async () => {
        const { like, keeper, controller } = await hands();
        const forged = forgedRecord({ like, issuer: generateSigningKey(), decider: keeper, controller });
        return shop.finding("chain-verified-at-every-hop", await shop.ledgerOf([...(await shop.records()), forged]));
      },
      names: () => /record 5: its op is signed by did:key:\S+, whom that policy does not know/,
    },
    {
      what: "a commit of the ledger that somebody else signed",
      finding: async () => {
        const { pins } = shop.world.workspace;
        const repo = await shop.copy(shop.world.ledgerDir, "state");
        const controller = await shop.key("controller");
        const { signed } = await verifyRepository(repo, pins.state);
        const parent = signed.get(controller.did)?.get("refs/heads/main");
        const spec = {
          repo,
          key: generateSigningKey(),
          parent,
          files: { "index/000.p/4": "changed" },
          message: "Record 4",
          timeS: 1_800_000_000,
        };
        const commit = await commitFiles(spec);
        await pushHead({ repo, key: controller, branch: "main", commit, clock: systemClock });
        return shop.finding("chain-verified-at-every-hop", { stateRepo: repo });
      },
      names: () => /index\/000\.p\/4 at the head [0-9a-f]{40} is not what the records make it|is missing/,
    },
    {
      what: "a row whose decision is another op's",
      finding: async () => {
        const change = `UPDATE type::record('ops', '${(await lastRecord()).claims.subject}') SET doc.op_digest = '${digestOf("other")}';`;
        return shop.finding("chain-verified-at-every-hop", await shop.storeWith("controllerStore", change));
      },
      names: () => /is about other bytes than its decision/,
    },
  ],
  "mode-is-operational": [
    {
      what: "a mode in the keeper's configuration",
      finding: async () =>
        shop.finding("mode-is-operational", await shop.configured("keeper-daemon", (values) => Object.assign(values, { mode: "manual" }))),
      names: () => /keeper-daemon is configured with mode/,
    },
    {
      what: "a decision of a person whom the policy does not let decide",
      finding: async () => {
        const { like, issuer, controller } = await hands();
        const forged = forgedRecord({ like, issuer, decider: await shop.key("cleo"), controller, op: { seq: 6 } });
        return shop.finding("mode-is-operational", await shop.ledgerOf([...(await shop.records()), forged]));
      },
      names: () => /record 5 was decided by did:key:\S+, whom the policy lets decide in no way of working/,
    },
  ],
  "controller-touches-orchestrator-only": [
    {
      what: "a controller that talks to something else",
      finding: async () => {
        const other = createServer((socket) => socket.on("error", () => undefined));
        other.listen(0, "127.0.0.1");
        await once(other, "listening");
        const address = other.address();
        assert.ok(address !== null && typeof address === "object");
        const program = await shop.place("ops-controller.mjs");
        await writeFile(program, `import { connect } from "node:net";\nconnect(${address.port}, "127.0.0.1");\n`);
        const accepted = once(other, "connection");
        const child: ChildProcess = spawn(process.execPath, [program], { stdio: "ignore" });
        try {
          await accepted;
          const { processes } = shop.sources;
          assert.ok(processes !== undefined);
          return await shop.finding("controller-touches-orchestrator-only", { processes: { ...processes, home: dirname(program) } });
        } finally {
          child.kill("SIGKILL");
          other.close();
        }
      },
      names: () => /controller \d+ is connected with 127\.0\.0\.1:\d+/,
    },
  ],
  "time-is-an-input": [
    {
      what: "a verifier whose answer depends on the clock",
      finding: async () => {
        const program = await shop.place("verifier.mjs");
        const answer = "{ ok: true, decisionsRunAgain: true, size: 1, year: new Date().getUTCFullYear() }";
        await writeFile(program, `console.log(JSON.stringify(${answer}));\n`);
        return shop.finding("time-is-an-input", {}, { triplane: [process.execPath, program] });
      },
      names: () => /the same ledger got two different answers/,
    },
    {
      what: "an admission after the op had expired",
      finding: async () => {
        const { like, issuer, keeper, controller } = await hands();
        const nowS = Math.floor(systemClock.nowMs() / 1000);
        const forged = forgedRecord({ like, issuer, decider: keeper, controller, op: { seq: 6, iat: nowS - 900, exp: nowS - 300 } });
        return shop.finding("time-is-an-input", await shop.ledgerOf([...(await shop.records()), forged]));
      },
      names: () => /record 5 was taken in at \d+, and its op expired at \d+/,
    },
  ],
  "no-fail-open": [
    {
      what: "a record that says applied and carries a refusal",
      finding: async () => {
        const { like, issuer, keeper, controller } = await hands();
        const forged = appliedRefusal({ like, issuer, decider: keeper, controller });
        return shop.finding("no-fail-open", await shop.ledgerOf([...(await shop.records()), forged]));
      },
      names: () => /record 5 says that \S+ was applied, without an admission/,
    },
    {
      what: "a controller that is configured without its policy",
      finding: async () =>
        shop.finding("no-fail-open", await shop.configured("ops-controller", (values) => delete values["policyIdentityRoot"])),
      names: () => /ops-controller is configured without policyIdentityRoot/,
    },
    {
      what: "a switch that turns verification off",
      finding: async () =>
        shop.finding("no-fail-open", await shop.configured("audit-mirror", (values) => Object.assign(values, { skipVerify: true }))),
      names: () => /audit-mirror is configured with skipVerify/,
    },
  ],
};

describe("the checker on a workspace that is whole, and on parts that were broken", { timeout: 500_000 }, () => {
  before(async () => {
    shop = await Workshop.open(stopped.signal);
  });
  after(async () => {
    stopped.abort();
    await shop[Symbol.asyncDispose]();
  });

  it("checkInvariants: everything that can be checked holds while the workspace runs", async () => {
    const { findings, violated, notCheckable, ok } = await shop.check({});
    assert.deepEqual(
      violated,
      [],
      JSON.stringify(
        findings.filter(({ status }) => status === "violated"),
        undefined,
        1,
      ),
    );
    assert.deepEqual(notCheckable, ["oom-retry-bounded", "runner-always-destroyed"]);
    assert.equal(ok, true);
    assert.deepEqual(
      findings.map(({ invariant }) => invariant),
      Object.keys(INVARIANTS),
    );
    for (const { invariant, evidence } of findings) assert.ok(evidence.length > 0, `${invariant} says what was looked at`);
  });

  for (const [id, breakages] of Object.entries(BREAKAGES)) {
    for (const { what, finding, names } of breakages) {
      it(`${id}: is violated by ${what}`, async () => {
        const found = await finding();
        assert.equal(found.status, "violated", JSON.stringify(found, undefined, 1));
        const told = found.violations.map((violation) => violation.what).join("\n");
        assert.match(told, await names());
      });
    }
  }

  it("checkInvariants: with the planes down it reads the databases from copies, and calls nothing of the bus holding", async () => {
    for (const plane of ["signing", "workload"] as const) await shop.world.takeDown(plane);
    const { findings, violated } = await shop.check(
      {},
      { only: ["applied-once", "persist-before-ack", "controller-touches-orchestrator-only"] },
    );
    assert.deepEqual(violated, []);
    const status = new Map(findings.map((finding) => [finding.invariant, finding.status]));
    assert.equal(status.get("applied-once"), "holds");
    assert.equal(status.get("persist-before-ack"), "not-checkable");
    assert.equal(status.get("controller-touches-orchestrator-only"), "not-checkable");
  });
});

test("BREAKAGES: every invariant has a test that breaks it on purpose", () => {
  for (const id of Object.keys(INVARIANTS)) assert.ok((BREAKAGES[id as InvariantId] ?? []).length > 0, id);
});
