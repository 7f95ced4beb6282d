// How an op in review reads: from verified bytes, with what machines and strangers wrote made harmless and marked as theirs.
import { canonicalJson, digestOf, type Plan } from "@triplane/contract";
import type { ShownReview } from "@triplane/keeper";
import { printableLine } from "@triplane/kit";
import { issuerText, writtenBy } from "../../framework/machine-text.ts";
import { facts, utc } from "../../framework/table.ts";
import { needsText } from "../op/wait-for.ts";
import { missingText } from "./options.ts";

/** What the op would do now, as the orchestrator says, held against the plan whose digest the issuer signed. */
export interface Effect {
  readonly plan?: Plan;
  /** Absent where the op names no plan, or where there is no plan to compare. */
  readonly isSignedPlan?: boolean;
  /** Why there is no plan to show. */
  readonly problem?: string;
}

/** Pure. A plan's digest is taken of the very actions that are shown, never believed. */
export function effectOfPlan(plan: Plan, signed: ShownReview["planDigest"]): Effect {
  const { digest, ...body } = plan;
  if (digestOf(canonicalJson(body)) !== digest) return { problem: "the orchestrator's plan does not have the digest that it names" };
  return { plan, ...(signed === undefined ? {} : { isSignedPlan: digest === signed }) };
}

const MAX_TEXT = 1000;

function reasonText({ role, principal, claims }: ShownReview): string | undefined {
  return claims.reason === undefined ? undefined : writtenBy({ role, principal }, claims.reason);
}

function effectText({ plan, isSignedPlan, problem }: Effect): string {
  if (plan === undefined) return `cannot be shown: ${printableLine(problem ?? "no plan", MAX_TEXT)}`;
  const steps = plan.actions.map((action) => printableLine(action.summary, MAX_TEXT)).join("\n");
  if (isSignedPlan === undefined) return `${steps}\n(the op names no plan: it may do something else when it is applied)`;
  return `${steps}\n${isSignedPlan ? "(the plan that was signed; nothing else will be applied)" : "(NOT the plan that was signed: applying will be refused)"}`;
}

function saidText({ approvals }: ShownReview): string {
  const words = approvals.map((each) => {
    const who = each.principal ?? each.signer;
    const comment = each.comment === undefined ? "" : `: ${printableLine(each.comment, MAX_TEXT)}`;
    return `${who} ${each.decision === "approve" ? "approves" : "rejects"}${each.counts ? "" : " (does not count)"}${comment}`;
  });
  return words.length === 0 ? "nothing" : words.join("\n");
}

export function renderReview(review: ShownReview & { readonly effect: Effect }): string {
  return [
    ...review.differences.map((line) => `DO NOT APPROVE, nothing will be signed: ${line}`),
    facts([
      ["op", review.jti],
      ["state", review.state === "open" ? "open" : `closed: ${printableLine(review.closedBy ?? "")}`],
      ["issuer", `${issuerText(review, "unknown")} (${review.issuer})`],
      ["kind", review.kind],
      ["target", `${review.target} at version ${review.claims.expected_state_version}`],
      ["args", JSON.stringify(review.claims.args)],
      ["reason", reasonText(review)],
      ["would do", effectText(review.effect)],
      ["plan", review.planDigest],
      ["digest", review.opDigest],
      ["words", review.digestWords],
      ["policy", `commit ${review.policy.commit}`],
      ["needs", review.needs.length === 0 ? undefined : needsText(review.needs)],
      ["missing", missingText(review)],
      ["said so far", saidText(review)],
      ["asked until", utc(review.closesAtS)],
    ]),
    "",
    ...review.explanation,
  ].join("\n");
}
