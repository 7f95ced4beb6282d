// Who broke the glass and was not ratified in time is frozen: nothing of theirs is let through afterwards, and nobody else is called so.
// Worked out from the records and the approved policies alone. Pure.
//
// 1. A window ends at accepted_at + the rule's ratify_within_s under the policy that the admission names.
// 2. When the controller learned of a ratification is not known, so what any approved policy ratifies freezes nobody here; a record of
//    somebody whom no approved policy ever ratified is a violation for certain.
import type { EvaluatedPolicy } from "../sources/policy.ts";

/** What is looked at of a record. */
export interface GlassRecord {
  readonly index: number;
  readonly subject: string;
  readonly outcome: string;
  readonly code: string | undefined;
  readonly acceptedAtS: number;
  readonly decision:
    | {
        readonly kind: "admission" | "refusal";
        readonly basis: string | undefined;
        readonly rule: string | undefined;
        readonly signer: string;
        readonly policy: { readonly commit: string };
        readonly op: { readonly key: string } | undefined;
        readonly approvals: readonly { readonly key: string }[];
      }
    | undefined;
}

export interface GlassViolation {
  readonly what: string;
  readonly index: number;
  readonly subject: string;
}

export interface GlassFindings {
  readonly uses: number;
  readonly violations: readonly GlassViolation[];
}

interface Use {
  readonly subject: string;
  readonly person: string;
  readonly ratifyByS: number;
}

/** `policyAt`: an approved policy that was evaluated; `ratified`: what any approved policy ratifies. */
export function judgeBrokenGlass(
  records: readonly GlassRecord[],
  policyAt: (commit: string) => EvaluatedPolicy | undefined,
  ratified: ReadonlySet<string>,
): GlassFindings {
  const uses: Use[] = [];
  const violations: GlassViolation[] = [];
  for (const record of records) {
    const { decision, outcome, acceptedAtS, index, subject } = record;
    const policy = decision === undefined ? undefined : policyAt(decision.policy.commit);
    if (decision === undefined || policy === undefined || decision.kind !== "admission" || decision.op === undefined) continue;
    const told = (what: string): void => void violations.push({ what: `record ${index}: ${what}`, index, subject });
    const issuer = personOf(policy, decision.op.key);
    const due = uses.filter(({ ratifyByS }) => acceptedAtS >= ratifyByS);
    if (outcome !== "refused")
      for (const who of new Set([issuer, personOf(policy, decision.signer)])) {
        const by = due.find((use) => use.person === who && !ratified.has(use.subject));
        if (by !== undefined) told(`it let something of ${who} through, who was frozen: nobody ratified ${by.subject}`);
      }
    const involved = [decision.op.key, decision.signer, ...decision.approvals.map(({ key }) => key)].map((key) => personOf(policy, key));
    if (outcome === "refused" && record.code === "actor_frozen" && !due.some(({ person }) => involved.includes(person)))
      told("it was refused for somebody who is frozen, and nobody of it was");
    if (decision.basis !== "break_glass" || outcome === "refused" || issuer === undefined) continue;
    const windowS = decision.rule === undefined ? undefined : policy.ratifyWithinS.get(decision.rule);
    if (windowS === undefined) told(`it broke the glass by ${decision.rule}, which is no rule for that in its policy`);
    else uses.push({ subject, person: issuer, ratifyByS: acceptedAtS + windowS });
  }
  return { uses: uses.length, violations };
}

function personOf({ signers }: EvaluatedPolicy, key: string): string | undefined {
  const signer = signers.get(key);
  return signer?.owner ?? signer?.principal;
}
