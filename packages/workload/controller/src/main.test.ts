import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { CONSUMERS, formatAudience, generateSigningKey, nowSeconds, streamNames, subjects, verifyAuditRecord } from "@triplane/contract";
import { freePort, systemClock, writeKeyFile } from "@triplane/kit";
import { commitFiles, createRepository, pushHead, readTreeFiles } from "@triplane/ledger";
import { loadPolicy } from "@triplane/policy";
import { buildAdmission, buildOp, eventually, startNats, type TempDir, type TestNats, tempDir } from "@triplane/testkit";
import { runController } from "./index.ts";
import { type OrchestratorDouble, startOrchestrator } from "./testing/orchestrator-double.ts";
import { WORKSPACE } from "./testing/world.ts";

const ana = generateSigningKey();
const ben = generateSigningKey();
const keeper = generateSigningKey();
const controller = generateSigningKey();

const policyText = (version: number): string => `{
  version = 1,
  workspace = "${WORKSPACE}",
  policy_version = ${version},
  limits = { max_lifetime_s = 86400, clock_skew_s = 10 },
  operators = [
    { principal = "ana", keys = ["${ana.did}"], groups = ["platform"], scopes = ["apps"], may = ['Approve, 'Admit] },
    { principal = "ben", keys = ["${ben.did}"], groups = ["platform"], scopes = ["apps"], may = ['Approve, 'Admit] },
  ],
  keepers = [{ name = "keeper", keys = ["${keeper.did}"] }],
  scopes = [{ name = "apps", kinds = ["component.*"], targets = ["*"] }],
  auto_sign = [{ id = "routine", kinds = ["component.deploy"], targets = ["*"] }],
  pins = {
    desired = { rid = "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5", root = "0123456789abcdef0123456789abcdef01234567" },
    state = { rid = "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5", root = "0123456789abcdef0123456789abcdef01234567" },
    controller = "${controller.did}",
  },
}
`;

describe("runController: the program with its flags and files", () => {
  let nats: TestNats;
  let orchestrator: OrchestratorDouble;
  let folder: TempDir;
  before(async () => {
    [nats, orchestrator, folder] = await Promise.all([
      startNats({ workspace: WORKSPACE }),
      startOrchestrator(WORKSPACE),
      tempDir("controller"),
    ]);
  });
  after(async () => {
    await orchestrator[Symbol.asyncDispose]();
    await nats.close();
    await folder[Symbol.asyncDispose]();
  });

  it("wrong configuration: exit code 2, with every problem", async () => {
    const lines: string[] = [];
    const logSink = { write: (line: string) => void lines.push(line) };
    assert.equal(await runController(["--workspace", "No!", "--store-url", "ws://db"], {}, { logSink }), 2);
    for (const flag of ["--workspace", "--nkey-seed-file", "--key-file", "--policy-rid"]) assert.ok(lines.join("").includes(flag), flag);
  });

  it("applies an admission under a governed policy repository, refuses a second controller, and stops when told", async () => {
    const storageDir = join(folder.path, "storage");
    const repository = await createRepository({
      ...{ storageDir, name: `policy-${WORKSPACE}`, description: "for tests", founder: ana, delegates: [ana, ben], threshold: 2 },
      clock: systemClock,
    });
    const { rid, identityRoot, repoDir: repo } = repository;
    const timeS = nowSeconds(systemClock);
    const files = { "keeper_policy.ncl": policyText(1) };
    const commit = await commitFiles({ repo, key: ana, parent: undefined, files, message: "First policy", timeS });
    for (const key of [ana, ben]) await pushHead({ repo, key, branch: "main", commit, clock: systemClock });
    const { digest } = loadPolicy(await readTreeFiles(repo, commit, { maxBytes: 1_000_000 }));

    const secrets = join(folder.path, "secrets");
    await mkdir(secrets, { mode: 0o700 });
    const secret = async (name: string, text: string): Promise<string> => {
      await writeFile(join(secrets, name), text, { mode: 0o600 });
      return join(secrets, name);
    };
    await writeKeyFile(join(secrets, "controller.json"), controller);
    const healthPort = await freePort();
    const argv = [
      ...["--workspace", WORKSPACE, "--nats-url", nats.url],
      ...["--nkey-seed-file", await secret("nkey", nats.keyOf({ role: "controller" }).seed)],
      ...["--key-file", join(secrets, "controller.json"), "--store-url", `rocksdb://${join(folder.path, "store")}`],
      ...["--orchestrator-url", orchestrator.url, "--orchestrator-token-file", await secret("token", orchestrator.token)],
      ...["--policy-repo", repo, "--policy-rid", rid, "--policy-identity-root", identityRoot, "--poll-ms", "100"],
    ];
    const stopping = new AbortController();
    const lines: string[] = [];
    const logSink = { write: (line: string) => void lines.push(line) };
    const running = runController([...argv, "--health-port", String(healthPort)], {}, { signal: stopping.signal, logSink });
    await eventually(async () => (await fetch(`http://127.0.0.1:${healthPort}/healthz`)).ok, { what: "the controller to be healthy" });

    const secondLines: string[] = [];
    assert.equal(await runController(argv, {}, { logSink: { write: (line: string) => void secondLines.push(line) } }), 1);
    assert.match(secondLines.join(""), /lease_held/);

    const aud = formatAudience({ workspace: WORKSPACE, policyRid: rid });
    const { op } = buildOp({ aud, scope: "apps", target: "web" }, { key: ana, clock: systemClock });
    const policy = { rid, commit, digest };
    const admission = buildAdmission(op, { policy, rule: "routine" }, { key: keeper, clock: systemClock }).compact;
    const bus = await nats.bus("keeper");
    await bus.publish(subjects(WORKSPACE).cmd, admission);
    const mirror = await (await nats.bus("mirror")).consumer(streamNames(WORKSPACE).audit, CONSUMERS.audit);
    const message = await mirror.next({ waitMs: 10_000 });
    const { claims } = verifyAuditRecord(message?.text ?? "");
    assert.deepEqual([claims.subject, claims.outcome, claims.iss], [op.claims.jti, "applied", controller.did]);

    // The policy moves on; what was decided under the commit before still counts, what nobody approved does not.
    const next = await commitFiles({
      repo,
      key: ben,
      parent: commit,
      files: { "keeper_policy.ncl": policyText(2) },
      message: "Next",
      timeS,
    });
    for (const key of [ana, ben]) await pushHead({ repo, key, branch: "main", commit: next, clock: systemClock });
    const health = async (): Promise<string> => await (await fetch(`http://127.0.0.1:${healthPort}/healthz`)).text();
    await eventually(async () => (await health()).includes(next), { what: "the next policy to be in force" });
    const late = buildOp({ aud, scope: "apps", target: "db", seq: 2 }, { key: ana, clock: systemClock }).op;
    const underOld = buildAdmission(late, { policy, rule: "routine" }, { key: keeper, clock: systemClock }).compact;
    await bus.publish(subjects(WORKSPACE).cmd, underOld);
    const second = verifyAuditRecord((await mirror.next({ waitMs: 10_000 }))?.text ?? "");
    assert.deepEqual([second.claims.subject, second.claims.outcome], [late.claims.jti, "applied"]);

    const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
    assert.match(metrics, /triplane_controller_ops_total\{outcome="applied",daemon="ops-controller",workspace="[^"]+"\} 2/);
    stopping.abort();
    assert.equal(await running, 0, lines.join(""));
    for (const each of [nats.keyOf({ role: "controller" }).seed, orchestrator.token, Buffer.from(controller.seed).toString("base64url")])
      assert.ok(!lines.join("").includes(each), "no secret in the log");
  });
});
