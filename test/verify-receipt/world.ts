// A workspace for receipts: its keys, its policy in every manner of writing that the language has, its state repository and a ledger in it.
import { createHash } from "node:crypto";
import {
  type Approval,
  type ApprovalClaims,
  type DecisionFacts,
  type Did,
  digestOf,
  type Op,
  type OpClaims,
  type SigningKey,
  signApproval,
  signAuditRecord,
  signingKeyFromSeed,
  signOp,
  uuid7,
  verifyApproval,
  verifyOp,
} from "@triplane/contract";
import {
  type CreatedRepository,
  checkpointOrigin,
  createRepository,
  encodeDocument,
  policyDigest,
  type Receipt,
  signCheckpoint,
} from "@triplane/ledger";
import { loadPolicy, type Policy } from "@triplane/policy";
import { manualClock } from "@triplane/testkit";

export const WORKSPACE = "libre-wuji";
export const POLICY_RID = "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5";
export const COMMIT = "a".repeat(40);
export const AUD: string = `${WORKSPACE}/${POLICY_RID}`;
/** Monday 2026-01-05 10:00:00 UTC. */
export const MONDAY_10_S: number = Date.UTC(2026, 0, 5, 10) / 1000;

export const NAMES = [
  ...([
    "alice",
    "alice-phone",
    "bob",
    "carol",
    "dave",
    "deployer",
    "helper",
    "keeper",
    "alice-sealed",
    "carol-sealed",
    "controller",
    "stranger",
  ] as const),
] as const;
export type Name = (typeof NAMES)[number];

export interface World {
  readonly keys: Readonly<Record<Name, SigningKey>>;
  readonly policyFiles: ReadonlyMap<string, string>;
  readonly policy: Policy;
  readonly state: CreatedRepository;
  readonly clock: ReturnType<typeof manualClock>;
  readonly document: string;
}

/** The same keys for the same seed: a campaign can be run again. */
export async function makeWorld(storageDir: string, seed: number): Promise<World> {
  const keyOf = (name: string) => signingKeyFromSeed(createHash("sha256").update(`verify-receipt:${seed}:${name}`).digest());
  const keys = Object.fromEntries(NAMES.map((name) => [name, keyOf(name)])) as Record<Name, SigningKey>;
  const clock = manualClock(MONDAY_10_S * 1000);
  const project = { name: `${WORKSPACE}-state`, description: "the ledger of a test" };
  const { controller } = keys;
  const state = await createRepository({ storageDir, ...project, founder: controller, delegates: [], threshold: 1, clock });
  const policyFiles = filesOf(keys, state);
  const { policy } = loadPolicy(policyFiles);
  const document = encodeDocument({ delegates: [controller.did], threshold: 1, ...project, defaultBranch: "main" });
  return { keys, policyFiles, policy, state, clock, document };
}

function filesOf(keys: Readonly<Record<Name, SigningKey>>, state: CreatedRepository): ReadonlyMap<string, string> {
  const did = (name: Name) => `"${keys[name].did}"`;
  const operators = [
    `{ principal = "alice", keys = [${did("alice")}, ${did("alice-phone")}], break_glass_keys = [${did("alice-sealed")}], groups = ["ops"], scopes = ["platform"], may = ['Approve, 'Admit] },`,
    `{ principal = "bob", keys = [${did("bob")}], groups = ["ops"], scopes = ["platform"], may = ['Approve] },`,
    `{ principal = "carol", keys = [${did("carol")}], break_glass_keys = [${did("carol-sealed")}], groups = ["ops", "security"], scopes = ["platform"], may = ['Approve, 'Admit] },`,
    `{ principal = "dave", keys = [${did("dave")}], groups = [], scopes = ["web", "platform"], may = [] },`,
  ];
  const principals = `# Who they are.
{
  operators = [
    ${operators.join("\n    ")}
  ],
  automations | Array { principal | String, keys | Array String, .. } = [
    { principal = "deployer", keys = [${did("deployer")}], scopes = ["web"] },
  ],
  agents = [{ principal = "helper", keys = [${did("helper")}], owner = "alice", scopes = ["web"], budget = { ops = 3, window_s = 3.6e3 }, expires = "2027-06-01T00:00:00Z" }],
  keepers = [{ name = "keeper-1", keys = [${did("keeper")}] }],
}
`;
  const pins = {
    pins: {
      desired: { rid: "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji", root: "b".repeat(40) },
      state: { rid: state.rid, root: state.identityRoot },
      controller: keys.controller.did,
    },
  };
  const rules = `# Data only; the other files are merged in.
(import "people/principals.ncl")
& (import "pins.json")
& {
  version = 1,
  workspace : String = "libre-wuji",
  policy_version | default = 1,
  policy_version = 3,
  limits = { max_lifetime_s = 3600, max_approval_s = 1200 },
  limits.clock_skew_s | Number = 30,
  comment | optional | doc "never given" | String,
  draft | not_exported = { anything = ['Goes "here"] },
  scopes = [
    { name = "platform", kinds = ["component.*", "desired.apply"], targets = ["*"] },
    { name = "web", kinds = ["component.deploy", "component.restart"], targets = ["web-*"] },
  ],
  deny = [
    {
      id = "no-friday-evening", kinds = ["component.*"], targets = ["*"],
      windows = [{ days = ['Fri], from = "16:00", to = "24:00", zone = "Europe/Madrid" }],
      why = m%"
        nothing changes
        on Friday evenings
      "%,
    },
    { id = "never-registry", kinds = ["component.remove"], targets = ["zot"], why = "the registry \\u{26d4} stays" },
    {
      id = "autumn", kinds = ["component.restart"], targets = ["*"], why = "stocktaking",
      dates = [
        { from = "2026-10-25T02:30", until = "2026-10-25T02:45", zone = "Europe/Madrid" },
        { from = "2026-03-29T02:10", until = "2026-03-29", zone = "Europe/Madrid" },
        { from = "2026-12-24", until = "2027-01-06", zone = "Australia/Lord_Howe" },
      ],
    },
    { id = "machines-never-remove", kinds = ["*.remove"], targets = ["*"], issuers = ["any:agent", "any:automation"], why = "people decide" },
  ],
  review = [
    { id = "removals", kinds = ["component.remove"], targets = ["*"], approvals = 2, groups = ["ops"] },
    { id = "data", kinds = ["*"], targets = ["db", "*-db-*"], approvals = 1, groups = ["security"], open_s = 1800 },
    {
      id = "both", kinds = ["component.scale"], targets = ["db", "zot"], open_s = 3000,
      quorums = [{ approvals = 1, groups = ["security", "ops"] }, { approvals = 1, groups = ["security"] }],
    },
  ],
  unopposed = [
    { id = "applied-later", kinds = ["desired.apply"], targets = ["*"], wait_s = 300, groups = ["ops"], approvals = 2 },
    { id = "workspace-later", kinds = ["desired.apply", "other.thing"], targets = ["w*"], wait_s = 900, groups = ["security"] },
  ],
  break_glass = [
    { id = "night", kinds = ["component.*"], targets = ["web-*", "db"], issuers = ["group:security"], ratify_within_s = 60 },
    { id = "storm", kinds = ["component.restart"], targets = ["*"], issuers = ["any:operator"], ratify_within_s = 7200 },
  ],
  ratified = ["019b8d0e-0000-7000-8000-000000000000"],
  auto_sign = [
    { id = "web-deploys", kinds = ["component.deploy"], targets = ["web-*"], rate = { max = 5, window_s = 0xe10 } },
    {
      id = "day-restarts", kinds = ["component.restart"], targets = ["*"], issuers = ["group:ops", "deployer", "helper"],
      windows = [{ days = ['Mon, 'Tue, 'Wed, 'Thu, 'Fri], from = "09:00", to = "17:00", zone = "Europe/Madrid" }],
    },
    {
      id = "night-scale", kinds = ["component.scale"], targets = ["web-*-blue"],
      windows = [{ days = ['Sun, 'Mon], from = "22:30", to = "06:00", zone = "America/St_Johns" }],
    },
  ],
}
`;
  return new Map([
    ["README.md", "Not read, but part of the digest.\n"],
    ["keeper_policy.ncl", rules],
    ["people/principals.ncl", principals],
    ["pins.json", JSON.stringify(pins, null, 2)],
  ]);
}

let count = 0;

export function nextJti(): string {
  count += 1;
  const random = new Uint8Array(10);
  new DataView(random.buffer).setUint32(4, count);
  return uuid7(MONDAY_10_S * 1000, random);
}

export function makeOp(key: SigningKey, claims: Partial<OpClaims> = {}): Op {
  const iat = claims.iat ?? MONDAY_10_S;
  const usual = { op: "component.deploy", target: "web-shop", scope: "platform", expected_state_version: 4, args: {} };
  return verifyOp(signOp({ aud: AUD, jti: nextJti(), iat, exp: iat + 600, seq: 1, ...usual, ...claims }, key));
}

export function makeApproval(key: SigningKey, op: Op, claims: Partial<ApprovalClaims> = {}): Approval {
  const iat = claims.iat ?? op.claims.iat;
  const plan = op.claims.plan === undefined ? {} : { plan: op.claims.plan };
  const about = { op_jti: op.claims.jti, op_digest: op.token.digest, expected_state_version: op.claims.expected_state_version };
  const rest = { aud: op.claims.aud, jti: nextJti(), iat, exp: iat + 600, decision: "approve" as const, policy_commit: COMMIT };
  return verifyApproval(signApproval({ ...rest, ...about, ...plan, ...claims }, key));
}

export interface Scenario {
  readonly op: Op;
  readonly approvals?: readonly Approval[];
  readonly facts?: DecisionFacts;
  readonly nowS?: number;
  readonly admittedBy?: Did;
  readonly breakGlass?: boolean;
}

export function policyRefOf(world: World, files: ReadonlyMap<string, string> = world.policyFiles) {
  return { rid: POLICY_RID, commit: COMMIT, digest: policyDigest(files) };
}

/** A record of a decision as the controller writes it. */
export function signRecord(world: World, basis: "admission" | "refusal", decision: string, op: Op): string {
  const outcome = basis === "admission" ? ("applied" as const) : ("refused" as const);
  const versions = basis === "admission" ? { state_version_before: 4, state_version_after: 5, workspace_revision: 9 } : {};
  const times = { accepted_at: MONDAY_10_S, finished_at: MONDAY_10_S + 2 };
  const about = { subject: op.claims.jti, target: op.claims.target, basis, decision, decision_digest: digestOf(decision) };
  return signAuditRecord({ aud: AUD, ...about, outcome, ...versions, ...times, evidence: { note: "ünïcode" } }, world.keys.controller);
}

/** A receipt of a ledger with this one record, made without any ledger: what somebody with all keys could make. */
export function receiptOf(world: World, record: string, files: ReadonlyMap<string, string> = world.policyFiles): Receipt {
  const { state, keys } = world;
  const root = createHash("sha256").update(Buffer.of(0)).update(record).digest();
  const payload = JSON.parse(Buffer.from(record.split(".")[1] ?? "", "base64url").toString("utf8"));
  return {
    format: "triplane-receipt",
    version: 1,
    workspace: WORKSPACE,
    subject: String(payload.subject),
    anchors: { state: { rid: state.rid, identity_root: state.identityRoot }, policy: policyRefOf(world, files) },
    state_identity: world.document,
    record,
    inclusion: { index: 0, proof: [] },
    checkpoint: signCheckpoint(checkpointOrigin(WORKSPACE, state.rid), 1, root, MONDAY_10_S * 1000, keys.controller).note,
    policy_files: Object.fromEntries(files),
  };
}
