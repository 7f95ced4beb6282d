// Cases beside a policy: what it should say about ops that nobody has to sign. They run through `decide` itself.
import {
  type Approval,
  canonicalJson,
  type Did,
  digestOf,
  kindField,
  type Op,
  type OpClaims,
  type PolicyRef,
  scopeField,
  type TokenType,
  TriplaneError,
  targetField,
  versionField,
} from "@triplane/contract";
import { conform, readNickel } from "@triplane/nickel";
import { z } from "zod";
import { maxApprovalS } from "./approvals.ts";
import { decide } from "./decide.ts";
import { filesImporter, loadPolicy } from "./load.ts";
import type { Policy } from "./schema.ts";
import type { Decision, PolicyFiles } from "./types.ts";

/** The optional file beside the policy: `{ cases = [ … ] }`. */
export const POLICY_TESTS = "keeper_policy.test.ncl";

const timeField = z.iso.datetime({ offset: true, message: "must be a time like 2026-01-05T10:00:00Z" });
const nameField = z.string().min(1).max(64);

const caseSchema = z.strictObject({
  name: z.string().min(1).max(200),
  at: timeField,
  op: z.strictObject({
    /** A principal of the policy. */
    issuer: nameField,
    op: kindField,
    target: targetField,
    scope: scopeField,
    expected_state_version: versionField.default(0),
    /** Seconds from when it was signed. */
    expires_in_s: z.int().default(300),
    /** Seconds before `at` since which people could see the op; it was signed then. */
    open_for_s: z.int().min(0).optional(),
  }),
  approvals: z
    .array(
      z.strictObject({
        by: nameField,
        decision: z.enum(["Approve", "Reject"]).default("Approve"),
        /** Under another policy commit, for another plan or op: an approval that must not count. */
        stale: z.boolean().default(false),
        /** Seconds before `at`. */
        ago_s: z.int().min(0).default(0),
      }),
    )
    .default([]),
  facts: z
    .strictObject({ recent_auto: z.record(z.string(), z.int().min(0)).default({}), budget_used: z.int().min(0).default(0) })
    .default({ recent_auto: {}, budget_used: 0 }),
  admitted_by: nameField.optional(),
  /** The issuer's sealed key signs op and admission. */
  break_glass: z.boolean().default(false),
  expect: z.strictObject({ verdict: z.enum(["Admit", "Review", "Refuse"]), rule: z.string().optional(), code: z.string().optional() }),
});
const casesSchema = z.strictObject({ cases: z.array(caseSchema).max(1000) });

export type PolicyCase = z.infer<typeof caseSchema>;

export interface PolicyCaseResult {
  readonly name: string;
  readonly passed: boolean;
  readonly expected: string;
  readonly got: string;
  readonly decision: Decision;
}

/** Runs the cases of a policy; none where the file is absent. Throws what `loadPolicy` throws, and `policy_invalid` for a wrong case. */
export function testPolicy(files: PolicyFiles): readonly PolicyCaseResult[] {
  const { policy } = loadPolicy(files);
  const importer = filesImporter(files);
  const text = importer(POLICY_TESTS);
  if (text === undefined) return [];
  const document = readNickel(text, { file: POLICY_TESTS, importer });
  const { cases } = conform(document, {
    schema: casesSchema,
    code: "policy_invalid",
    whole: "the cases",
    words: "either",
  });
  return cases.map((testCase) => runCase(policy, testCase));
}

/** Throws `policy_test_failed` naming every case that failed. */
export function assertCasesPass(results: readonly PolicyCaseResult[]): void {
  const failed = results.filter((result) => !result.passed);
  if (failed.length === 0) return;
  const lines = failed.map((result) => `${result.name}: expected ${result.expected}, got ${result.got}`);
  throw new TriplaneError("policy_test_failed", lines.join("\n"), { details: { failed: failed.map((result) => result.name) } });
}

const CASE_RID = "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5";
const CASE_JTI = "00000000-0000-7000-8000-000000000000";

function runCase(policy: Policy, testCase: PolicyCase): PolicyCaseResult {
  const policyRef: PolicyRef = { rid: CASE_RID, commit: "0".repeat(40), digest: digestOf("") };
  const nowS = Math.floor(Date.parse(testCase.at) / 1000);
  const signedS = nowS - (testCase.op.open_for_s ?? 0);
  const op = draftOp(policy, testCase, signedS);
  const approvals = testCase.approvals.map((approval) => draftApproval(policy, op, approval, nowS));
  const { admitted_by: admitter } = testCase;
  const counted = testCase.break_glass ? {} : testCase.facts;
  const facts = { ...counted, ...(testCase.op.open_for_s === undefined ? {} : { open_since: signedS }) };
  const decision = decide({
    op,
    policy,
    policyRef,
    approvals,
    facts,
    nowS,
    breakGlass: testCase.break_glass,
    ...(admitter === undefined ? {} : { admittedBy: keyOf(policy, admitter) }),
  });
  const { verdict, rule, code } = testCase.expect;
  const got = { verdict: titleOf(decision), rule: ruleOf(decision), code: decision.verdict === "refuse" ? decision.code : undefined };
  const passed = got.verdict === verdict && (rule === undefined || rule === got.rule) && (code === undefined || code === got.code);
  return { name: testCase.name, passed, expected: sentence(testCase.expect), got: sentence(got), decision };
}

function draftOp(policy: Policy, { op, break_glass: isBroken }: PolicyCase, nowS: number): Op {
  const claims = {
    iss: isBroken ? sealedKeyOf(policy, op.issuer) : keyOf(policy, op.issuer),
    aud: `${policy.workspace}/${CASE_RID}`,
    jti: CASE_JTI,
    iat: nowS,
    exp: nowS + op.expires_in_s,
    seq: 1,
    op: op.op,
    target: op.target,
    scope: op.scope,
    expected_state_version: op.expected_state_version,
    args: {},
  };
  return unsignedOp(claims);
}

function draftApproval(policy: Policy, op: Op, approval: PolicyCase["approvals"][number], nowS: number): Approval {
  const iat = nowS - approval.ago_s;
  const claims = {
    iss: keyOf(policy, approval.by),
    aud: op.claims.aud,
    jti: CASE_JTI,
    iat,
    exp: iat + maxApprovalS(policy),
    op_jti: op.claims.jti,
    op_digest: op.token.digest,
    decision: approval.decision === "Approve" ? ("approve" as const) : ("reject" as const),
    policy_commit: approval.stale ? "f".repeat(40) : "0".repeat(40),
    expected_state_version: op.claims.expected_state_version,
  };
  return { token: draftToken("approval+jwt", claims), claims };
}

/** An op that nobody signed, to ask what the policy would say of it; it verifies nowhere. */
export function unsignedOp(claims: OpClaims): Op {
  return { token: draftToken("op+jwt", claims as Op["token"]["payload"] & OpClaims), claims };
}

/** An unsigned stand-in: `decide` looks at claims and digest only, signatures are verified before it. */
function draftToken(typ: TokenType, payload: Op["token"]["payload"] & { readonly iss: Did }): Op["token"] {
  const text = canonicalJson(payload);
  return { typ, kid: payload.iss, payload, digest: digestOf(text), compact: text, signingInput: text, signature: new Uint8Array() };
}

/** The first key of a principal; a name that nobody has stands for a key that nobody has. */
function keyOf(policy: Policy, principal: string): Did {
  const holders = [...policy.operators, ...policy.automations, ...policy.agents];
  const [key] = holders.find((holder) => holder.principal === principal)?.keys ?? [];
  return key ?? `did:key:z6Mk${principal}`;
}

/** The first sealed key of an operator; of anybody else, a key that they have. */
function sealedKeyOf(policy: Policy, principal: string): Did {
  const [key] = policy.operators.find((operator) => operator.principal === principal)?.break_glass_keys ?? [];
  return key ?? keyOf(policy, principal);
}

function titleOf(decision: Decision): "Admit" | "Review" | "Refuse" {
  return ({ admit: "Admit", review: "Review", refuse: "Refuse" } as const)[decision.verdict];
}

function ruleOf(decision: Decision): string | undefined {
  return decision.verdict === "review" ? (decision.needs[0]?.rule ?? decision.unopposed?.rules[0]) : decision.rule;
}

function sentence(outcome: { readonly verdict: string; readonly rule?: string | undefined; readonly code?: string | undefined }): string {
  return [outcome.verdict, outcome.code === undefined ? "" : `(${outcome.code})`, outcome.rule === undefined ? "" : `by ${outcome.rule}`]
    .filter((part) => part !== "")
    .join(" ");
}
