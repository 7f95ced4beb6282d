// Ops that broke the glass, as the ledger has them, and how they stand: what anybody can work out who has both repositories (ADR-040).
import { type AuditRecord, verifyAdmission, verifyOp } from "@triplane/contract";
import { commitSteps, type RepositoryPin, readLedger } from "@triplane/ledger";
import { loadPolicy, type Policy, personBehind, ratifyWithinS } from "@triplane/policy";
import { filesAt } from "./files.ts";

export interface GlassUse {
  readonly jti: string;
  readonly index: number;
  readonly person: string;
  readonly key: string;
  readonly seq: number;
  readonly kind: string;
  readonly target: string;
  readonly reason: string | undefined;
  readonly rule: string;
  /** As `applied`, or the code of what became of it. */
  readonly outcome: string;
  readonly acceptedAtS: number;
  readonly ratifyByS: number;
  /** `refused`: nothing was applied, and nobody has to answer for it. */
  readonly state: "open" | "ratified" | "frozen" | "refused";
}

export interface GlassPlaces {
  readonly ledger: { readonly repoDir: string; readonly pin: RepositoryPin };
  readonly policy: { readonly repoDir: string; readonly head: string };
}

const MAX_POLICIES = 10_000;

/** Newest first. Throws what reading the ledger or a policy throws. */
export async function glassUses({ ledger, policy }: GlassPlaces, nowS: number): Promise<readonly GlassUse[]> {
  const policies = new Map<string, Policy>();
  const policyAt = async (commit: string): Promise<Policy> => {
    const known = policies.get(commit) ?? loadPolicy(await filesAt(policy.repoDir, commit)).policy;
    policies.set(commit, known);
    return known;
  };
  const broken: { readonly index: number; readonly record: AuditRecord }[] = [];
  for await (const { index, record } of readLedger(ledger.repoDir, ledger.pin, { newestFirst: true }))
    if (basisOf(record) === "break_glass") broken.push({ index, record });
  if (broken.length === 0) return [];
  // What was ratified once stays so, whatever a later policy lists.
  const ratified = new Set<string>();
  for (const { commit } of await commitSteps(policy.repoDir, undefined, policy.head, MAX_POLICIES))
    for (const jti of (await policyAt(commit)).ratified) ratified.add(jti);
  const uses: GlassUse[] = [];
  for (const { index, record } of broken) uses.push(await useOf(index, record, { policyAt, ratified, nowS }));
  return uses;
}

interface Judging {
  readonly policyAt: (commit: string) => Promise<Policy>;
  readonly ratified: ReadonlySet<string>;
  readonly nowS: number;
}

async function useOf(index: number, { claims }: AuditRecord, { policyAt, ratified, nowS }: Judging): Promise<GlassUse> {
  const admission = verifyAdmission(claims.decision).claims;
  const { claims: op } = verifyOp(admission.op);
  const policy = await policyAt(admission.policy.commit);
  const ratifyByS = claims.accepted_at + (ratifyWithinS(policy, admission.rule) ?? 0);
  const standing = ratified.has(claims.subject) ? "ratified" : nowS >= ratifyByS ? "frozen" : "open";
  return {
    ...{ jti: claims.subject, index, person: personBehind(policy, op.iss) ?? op.iss, key: op.iss, seq: op.seq },
    ...{ kind: op.op, target: op.target, reason: op.reason, rule: admission.rule },
    outcome: claims.code === undefined ? claims.outcome : `${claims.outcome}: ${claims.code}`,
    acceptedAtS: claims.accepted_at,
    ratifyByS,
    state: claims.outcome === "refused" ? "refused" : standing,
  };
}

function basisOf({ claims }: AuditRecord): string | undefined {
  return claims.basis === "admission" ? verifyAdmission(claims.decision).claims.basis : undefined;
}
