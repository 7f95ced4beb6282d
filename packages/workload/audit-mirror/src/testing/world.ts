// For the tests of this package: a workspace with a real policy repository, a real ledger and records whose whole chain holds.
import { join } from "node:path";
import {
  type Clock,
  digestOf,
  generateSigningKey,
  type PolicyRef,
  type SigningKey,
  signAdmission,
  signAuditRecord,
  signOp,
  uuid7,
} from "@triplane/contract";
import { atomicWriteFile, ensurePrivateFolder, systemRandom, writeKeyFile } from "@triplane/kit";
import { type CreatedRepository, commitFiles, createRepository, pushHead } from "@triplane/ledger";
import { loadPolicy } from "@triplane/policy";

export const WORKSPACE = "libre-wuji";

export interface World {
  readonly folder: string;
  readonly controller: SigningKey;
  readonly policy: CreatedRepository;
  readonly state: CreatedRepository;
  /** The next op of the operator, admitted and applied. */
  nextRecord(changes?: RecordChanges): string;
  /** Approves a policy that names this key as the ops-controller's. */
  approveController(key: SigningKey): Promise<void>;
}

export interface RecordChanges {
  /** Signs the admission in place of the keeper. */
  readonly keeper?: SigningKey;
  /** Signs the record in place of the controller. */
  readonly controller?: SigningKey;
  readonly policyCommit?: string;
}

export async function createWorld(folder: string, clock: Clock): Promise<World> {
  const [alice, bob, keeper, controller] = Array.from({ length: 4 }, generateSigningKey) as [
    SigningKey,
    SigningKey,
    SigningKey,
    SigningKey,
  ];
  const storageDir = join(folder, "storage");
  const common = { storageDir, description: "for tests", clock };
  const state = await createRepository({ ...common, name: `${WORKSPACE}-state`, founder: controller, delegates: [], threshold: 1 });
  const policy = await createRepository({ ...common, name: `policy-${WORKSPACE}`, founder: alice, delegates: [bob], threshold: 2 });
  const files = new Map([["keeper_policy.ncl", policyText(alice, bob, keeper, controller, state)]]);
  const { digest } = loadPolicy(files);
  const timeS = Math.floor(clock.nowMs() / 1000);
  const change = {
    repo: policy.repoDir,
    key: alice,
    parent: undefined,
    files: Object.fromEntries(files),
    message: "Begin the policy",
    timeS,
  };
  const commit = await commitFiles(change);
  for (const key of [alice, bob]) await pushHead({ repo: policy.repoDir, key, branch: "main", commit, clock });
  const ref: PolicyRef = { rid: policy.rid, commit, digest };
  let seq = 0;
  const nextRecord = (changes: RecordChanges = {}): string => {
    seq += 1;
    const named = { ...ref, commit: changes.policyCommit ?? ref.commit };
    return signRecord({
      seq,
      nowMs: clock.nowMs(),
      ref: named,
      alice,
      keeper: changes.keeper ?? keeper,
      controller: changes.controller ?? controller,
    });
  };
  const approveController = async (next: SigningKey): Promise<void> => {
    const text = policyText(alice, bob, keeper, next, state).replace("policy_version = 1", "policy_version = 2");
    const moved = await commitFiles({ ...change, parent: commit, files: { "keeper_policy.ncl": text }, message: "Another controller" });
    for (const key of [alice, bob]) await pushHead({ repo: policy.repoDir, key, branch: "main", commit: moved, clock });
  };
  return { folder, controller, policy, state, nextRecord, approveController };
}

interface RecordParts {
  readonly seq: number;
  readonly nowMs: number;
  readonly ref: PolicyRef;
  readonly alice: SigningKey;
  readonly keeper: SigningKey;
  readonly controller: SigningKey;
}

function signRecord({ seq, nowMs, ref, alice, keeper, controller }: RecordParts): string {
  const nowS = Math.floor(nowMs / 1000);
  const aud = `${WORKSPACE}/${ref.rid}`;
  const jti = uuid7(nowMs, systemRandom.bytes(10));
  const times = { iat: nowS, exp: nowS + 600 };
  const kind = { op: "component.deploy", target: "web-1", scope: "platform", expected_state_version: seq - 1, args: {} };
  const op = signOp({ aud, jti, ...times, seq, ...kind }, alice);
  const decided = { aud, op, op_jti: jti, op_digest: digestOf(op), policy: ref, approvals: [], facts: {}, decided_at: nowS };
  const decision = signAdmission({ ...decided, rule: "web-deploys", basis: "auto" }, keeper);
  const record = { aud, subject: jti, basis: "admission" as const, decision, decision_digest: digestOf(decision), target: "web-1" };
  return signAuditRecord({ ...record, outcome: "applied", accepted_at: nowS, finished_at: nowS, evidence: {} }, controller);
}

function policyText(alice: SigningKey, bob: SigningKey, keeper: SigningKey, controller: SigningKey, state: CreatedRepository): string {
  const operator = (name: string, key: SigningKey) =>
    `{ principal = "${name}", keys = ["${key.did}"], groups = ["ops"], scopes = ["platform"], may = ['Approve, 'Admit] }`;
  return `{
  version = 1,
  workspace = "${WORKSPACE}",
  policy_version = 1,
  limits = { max_lifetime_s = 3600, clock_skew_s = 30 },
  operators = [${operator("alice", alice)}, ${operator("bob", bob)}],
  automations = [],
  agents = [],
  keepers = [{ name = "keeper-1", keys = ["${keeper.did}"] }],
  scopes = [{ name = "platform", kinds = ["component.*"], targets = ["*"] }],
  deny = [],
  review = [],
  auto_sign = [{ id = "web-deploys", kinds = ["component.deploy"], targets = ["web-*"] }],
  pins = {
    desired = { rid = "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji", root = "${"b".repeat(40)}" },
    state = { rid = "${state.rid}", root = "${state.identityRoot}" },
    controller = "${controller.did}",
  },
}
`;
}

/** Writes a configuration file as `triplane up` does, and returns its path. */
export async function writeConfig(world: World, nats: { readonly url: string; readonly seed: string }): Promise<string> {
  const folder = join(world.folder, "mirror");
  await ensurePrivateFolder(folder);
  await writeKeyFile(join(folder, "controller.json"), world.controller);
  await atomicWriteFile(join(folder, "mirror.nk"), nats.seed);
  const config = {
    workspace: WORKSPACE,
    natsUrl: nats.url,
    nkeySeedFile: join(folder, "mirror.nk"),
    keyFile: join(folder, "controller.json"),
    stateRepo: world.state.repoDir,
    stateRid: world.state.rid,
    stateIdentityRoot: world.state.identityRoot,
    policyRepo: world.policy.repoDir,
    policyRid: world.policy.rid,
    policyIdentityRoot: world.policy.identityRoot,
    asideDir: join(folder, "aside"),
    maxWaitMs: 50,
  };
  const path = join(folder, "config.json");
  await atomicWriteFile(path, JSON.stringify(config));
  return path;
}
