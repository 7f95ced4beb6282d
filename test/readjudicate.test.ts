import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import {
  digestOf,
  generateSigningKey,
  type Op,
  type SigningKey,
  signAdmission,
  signAuditRecord,
  signOp,
  signRefusal,
  uuid7,
  verifyAuditRecord,
  verifyOp,
} from "@triplane/contract";
import { type CreatedRepository, commitFiles, createRepository, openLedgerWriter, pushHead } from "@triplane/ledger";
import { decide, loadPolicy, policyDigest } from "@triplane/policy";
import { manualClock, type TempDir, tempDir } from "@triplane/testkit";
import { type Installation, installation } from "./e2e/installation.ts";
import { type Ran, run } from "./e2e/program.ts";

const clock = manualClock(Date.UTC(2026, 0, 5, 10));
const nowS = Date.UTC(2026, 0, 5, 10) / 1000;
const keys = Object.fromEntries(["ana", "ben", "keeper", "controller"].map((name) => [name, generateSigningKey()])) as Readonly<
  Record<"ana" | "ben" | "keeper" | "controller", SigningKey>
>;

let folder: TempDir;
let installed: Installation;
let policyRepo: CreatedRepository;
/** Approved one after the other: the second no longer signs restarts. Between them lies one that nobody approved. */
let approved: readonly [string, string];
let hidden: string;

before(async () => {
  folder = await tempDir("readjudicate");
  installed = await installation("readjudicate");
  const storageDir = join(folder.path, "storage");
  const spec = { storageDir, name: "policy-w1", description: "", founder: keys.ana, delegates: [keys.ana, keys.ben], threshold: 2, clock };
  policyRepo = await createRepository(spec);
  const first = await policy(undefined, FILES.first);
  hidden = await policy(first, FILES.hidden);
  const second = await policy(hidden, FILES.second);
  for (const commit of [first, second])
    for (const key of [keys.ana, keys.ben]) await pushHead({ repo: policyRepo.repoDir, key, branch: "main", commit, clock });
  approved = [first, second];
});

after(async () => {
  await installed[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const FILES = {
  first: policyText(1, `["component.deploy", "component.restart"]`),
  hidden: policyText(1, `["*"]`),
  second: policyText(2, `["component.deploy"]`),
};

function policyText(version: number, kinds: string): string {
  const pin = `{ rid = "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji", root = "${"b".repeat(40)}" }`;
  return `{
  version = 1, workspace = "w1", policy_version = ${version}, limits = { max_lifetime_s = 600, clock_skew_s = 5 },
  operators = [
    { principal = "ana", keys = ["${keys.ana.did}"], groups = [], scopes = ["all"], may = ['Approve] },
    { principal = "ben", keys = ["${keys.ben.did}"], groups = [], scopes = ["all"], may = ['Approve] },
  ],
  keepers = [{ name = "keeper-1", keys = ["${keys.keeper.did}"] }],
  scopes = [{ name = "all", kinds = ["*"], targets = ["*"] }],
  auto_sign = [{ id = "routine", kinds = ${kinds}, targets = ["*"] }],
  pins = { desired = ${pin}, state = ${pin}, controller = "${keys.controller.did}" },
}
`;
}

function policy(parent: string | undefined, text: string): Promise<string> {
  return commitFiles({
    repo: policyRepo.repoDir,
    key: keys.ana,
    parent,
    files: { "keeper_policy.ncl": text },
    message: "Policy",
    timeS: nowS,
  });
}

let seq = 0;

function makeOp(kind: string): Op {
  seq += 1;
  const random = Uint8Array.from({ length: 10 }, (_, at) => (at === 9 ? seq : 0));
  const jti = uuid7(clock.nowMs(), random);
  const about = { op: kind, target: "web", scope: "all", expected_state_version: 0, args: {} };
  return verifyOp(signOp({ aud: aud(), jti, iat: nowS, exp: nowS + 300, seq, ...about }, keys.ana));
}

const aud = () => `w1/${policyRepo.rid}`;
const refOf = (commit: string, text: string) => ({
  rid: policyRepo.rid,
  commit,
  digest: policyDigest(new Map([["keeper_policy.ncl", text]])),
});

/** What the policy says, signed by the keeper; or, forged, an admission whatever it says. */
function record(op: Op, commit: string, text: string, forged?: "admitted" | "refused" | "another rule") {
  const loaded = loadPolicy(new Map([["keeper_policy.ncl", text]]));
  const policy = refOf(commit, text);
  const said = decide({ op, policy: loaded.policy, policyRef: policy, approvals: [], facts: { recent_auto: {} }, nowS });
  const common = {
    aud: aud(),
    op: op.token.compact,
    op_jti: op.claims.jti,
    op_digest: op.token.digest,
    policy,
    approvals: [],
    facts: { recent_auto: {} },
    decided_at: nowS,
  };
  const admits = forged === "admitted" || forged === "another rule" || (forged === undefined && said.verdict === "admit");
  const rule = forged === "another rule" ? "sunday" : "routine";
  const decision = admits
    ? signAdmission({ ...common, rule, basis: "auto" }, keys.keeper)
    : signRefusal({ ...common, code: "policy_denied", rule: "default", fact: "no", consumes_seq: true }, keys.keeper);
  const times = { accepted_at: nowS, finished_at: nowS, evidence: {} };
  const about = {
    subject: op.claims.jti,
    basis: admits ? ("admission" as const) : ("refusal" as const),
    decision,
    decision_digest: digestOf(decision),
  };
  return signAuditRecord({ aud: aud(), ...about, outcome: admits ? "applied" : "refused", ...times }, keys.controller);
}

async function ledgerOf(name: string, records: readonly string[]): Promise<{ readonly dir: string; readonly flags: readonly string[] }> {
  const storageDir = join(folder.path, name);
  const made = await createRepository({
    storageDir,
    name: "w1-state",
    description: name,
    founder: keys.controller,
    delegates: [],
    threshold: 1,
    clock,
  });
  const pin = { rid: made.rid, identityRoot: made.identityRoot };
  const writer = await openLedgerWriter({ repoDir: made.repoDir, key: keys.controller, pin, clock });
  await writer.append(records.map(verifyAuditRecord));
  await writer.close();
  const state = ["--state-rid", made.rid, "--state-root", made.identityRoot];
  return { dir: made.repoDir, flags: [...state, "--policy-rid", policyRepo.rid, "--policy-root", policyRepo.identityRoot] };
}

async function readjudicate(dir: string, flags: readonly string[], ...more: readonly string[]): Promise<Ran> {
  const args = ["ledger", "readjudicate", dir, "--policy-repo", policyRepo.repoDir, ...flags, ...more];
  return run(installed.program("triplane"), args, { cwd: installed.folder, env: installed.env });
}

interface Report {
  readonly ok: boolean;
  readonly records: number;
  readonly same: number;
  readonly witnessed: number;
  readonly differs: number;
  readonly policies: number;
  readonly differences: readonly { readonly index: number; readonly recorded: string; readonly now?: string; readonly why: string }[];
}

describe("triplane ledger readjudicate", () => {
  it("every decision under the policy that it names is the same, also after the policy changed and on mirror clones", async () => {
    const gap = makeOp("component.deploy");
    const witnessed = {
      aud: aud(),
      op: gap.token.compact,
      op_jti: gap.claims.jti,
      op_digest: gap.token.digest,
      policy: refOf(approved[1], FILES.second),
    };
    const refusal = signRefusal(
      { ...witnessed, code: "sequence_gap", fact: "", approvals: [], facts: {}, consumes_seq: false, decided_at: nowS },
      keys.keeper,
    );
    const times = { accepted_at: nowS, finished_at: nowS, evidence: {} };
    const seen = {
      subject: gap.claims.jti,
      basis: "refusal" as const,
      decision: refusal,
      decision_digest: digestOf(refusal),
      outcome: "refused" as const,
    };
    const { dir, flags } = await ledgerOf("honest", [
      record(makeOp("component.deploy"), approved[0], FILES.first),
      record(makeOp("component.restart"), approved[0], FILES.first),
      record(makeOp("component.restart"), approved[1], FILES.second),
      signAuditRecord({ aud: aud(), ...seen, ...times }, keys.controller),
    ]);
    const ran = await readjudicate(dir, flags, "--json");
    assert.equal(ran.code, 0, ran.err + ran.out);
    const report: Report = JSON.parse(ran.out);
    assert.deepEqual([report.ok, report.records, report.same, report.witnessed, report.policies], [true, 4, 3, 1, 2]);
    const clone = join(folder.path, "clone.git");
    await promisify(execFile)("git", ["clone", "--quiet", "--mirror", dir, clone]);
    assert.match((await readjudicate(clone, flags)).out, /✔ Every decision/);
  });

  it("a keeper that decided what its policy does not: each difference is listed with what was recorded and what the policy says", async () => {
    const { dir, flags } = await ledgerOf("forged", [
      record(makeOp("component.deploy"), approved[0], FILES.first),
      record(makeOp("component.remove"), approved[0], FILES.first, "admitted"),
      record(makeOp("component.deploy"), approved[0], FILES.first, "refused"),
      record(makeOp("component.deploy"), approved[1], FILES.second, "another rule"),
      record(makeOp("component.remove"), hidden, FILES.hidden),
      record(makeOp("component.deploy"), approved[1], FILES.first),
    ]);
    const ran = await readjudicate(dir, flags, "--json");
    assert.equal(ran.code, 1, ran.err + ran.out);
    const report: Report = JSON.parse(ran.out);
    assert.deepEqual([report.records, report.same, report.differs], [6, 1, 5]);
    assert.deepEqual(
      report.differences.map(({ index, recorded, now }) => [index, recorded, now]),
      [
        [1, "admit auto routine", "refuse policy_denied default"],
        [2, "refuse policy_denied default", "admit auto routine"],
        [3, "admit auto sunday", "admit auto routine"],
        // Below an approved commit, and never approved itself.
        [4, "admit auto routine", undefined],
        // The commit is right, the digest is that of other files.
        [5, "admit auto routine", "admit auto routine"],
      ],
    );
    assert.match(report.differences[3]?.why ?? "", /was not approved/);
    assert.match(report.differences[4]?.why ?? "", /another digest/);
    const told = await readjudicate(dir, flags);
    assert.equal(told.code, 1);
    assert.match(told.out, /✘ 5 decisions of 6 differ from what the policy says/);
  });

  it("without pins or policies it says what is missing", async () => {
    const { dir, flags } = await ledgerOf("unpinned", [record(makeOp("component.deploy"), approved[0], FILES.first)]);
    assert.equal((await readjudicate(dir, [])).code, 2);
    const other = flags.map((flag) => (flag === policyRepo.identityRoot ? "f".repeat(40) : flag));
    const ran = await readjudicate(dir, other, "--json");
    assert.equal(ran.code, 1);
    assert.match(ran.err, /rid_mismatch/);
  });
});
