// triplane keeper show: an op in review, as its bytes and the policy say.
import { type Plan, toTriplaneError } from "@triplane/contract";
import { type ShownReview, showReview } from "@triplane/keeper";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { facts, utc } from "../../framework/table.ts";
import { orchestratorOf, type Person } from "../../people/person.ts";
import { asOption } from "../../people/who.ts";
import { homeOption } from "../home-option.ts";
import { openPerson } from "../op/options.ts";
import { needsText } from "../op/wait-for.ts";
import { asReviewer, jtiArgs, missingText } from "./options.ts";

/** What the op would do now, as the orchestrator says, held against the plan whose digest the issuer signed. */
interface Effect {
  readonly plan?: Plan;
  /** Absent where the op names no plan, or where there is no plan to compare. */
  readonly isSignedPlan?: boolean;
  /** Why there is no plan to show. */
  readonly problem?: string;
}

async function effectOf(person: Person, review: ShownReview): Promise<Effect> {
  try {
    const client = await orchestratorOf(person);
    const plan = await client.plan({ op: review.kind, target: review.target, args: review.claims.args });
    return { plan, ...(review.planDigest === undefined ? {} : { isSignedPlan: plan.digest === review.planDigest }) };
  } catch (thrown) {
    return { problem: toTriplaneError(thrown, "unavailable").message };
  }
}

function effectText({ plan, isSignedPlan, problem }: Effect): string {
  if (plan === undefined) return `cannot be shown: ${problem ?? "no plan"}`;
  const steps = plan.actions.map((action) => action.summary).join("\n");
  if (isSignedPlan === undefined) return `${steps}\n(the op names no plan: it may do something else when it is applied)`;
  return `${steps}\n${isSignedPlan ? "(the plan that was signed; nothing else will be applied)" : "(NOT the plan that was signed: applying will be refused)"}`;
}

export const keeperShow = defineCommand({
  description:
    "Everything is taken from the signed bytes and from the policy that this home verified itself; what it would do is asked of the orchestrator and held against the signed digest. The words are the op's digest for reading aloud: two people who see the same words see the same op.",
  args: jtiArgs,
  options: z.strictObject({ as: asOption, home: homeOption }),
  examples: [{ command: "triplane keeper show 0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b --as ben", what: "read before you approve" }],
  run: async ({ args, options }, context) => {
    const person = await openPerson(options, context);
    const review = await asReviewer(person, (deps) => showReview(deps, args.jti));
    return { ...review, effect: await effectOf(person, review) };
  },
  render: (review) => {
    const words = review.approvals.map((each) => {
      const who = each.principal ?? each.signer;
      return `${who} ${each.decision === "approve" ? "approves" : "rejects"}${each.counts ? "" : " (does not count)"}${each.comment === undefined ? "" : `: ${each.comment}`}`;
    });
    return [
      facts([
        ["op", review.jti],
        ["state", review.state === "open" ? "open" : `closed: ${review.closedBy ?? ""}`],
        ["issuer", `${review.principal ?? "unknown"} (${review.issuer})`],
        ["kind", review.kind],
        ["target", `${review.target} at version ${review.claims.expected_state_version}`],
        ["args", JSON.stringify(review.claims.args)],
        ["reason", review.claims.reason],
        ["would do", effectText(review.effect)],
        ["plan", review.planDigest],
        ["digest", review.opDigest],
        ["words", review.digestWords],
        ["policy", `commit ${review.policy.commit}`],
        ["needs", review.needs.length === 0 ? undefined : needsText(review.needs)],
        ["missing", missingText(review)],
        ["said so far", words.length === 0 ? "nothing" : words.join("\n")],
        ["asked until", utc(review.closesAtS)],
      ]),
      "",
      ...review.explanation,
    ].join("\n");
  },
});
