// triplane keeper show: an op in review, as its bytes and the policy say.
import { toTriplaneError } from "@triplane/contract";
import { type ShownReview, showReview } from "@triplane/keeper";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { orchestratorOf, type Person } from "../../people/person.ts";
import { asOption } from "../../people/who.ts";
import { homeOption } from "../home-option.ts";
import { openPerson } from "../op/options.ts";
import { asReviewer, jtiArgs } from "./options.ts";
import { type Effect, effectOfPlan, renderReview } from "./render-review.ts";

async function effectOf(person: Person, review: ShownReview): Promise<Effect> {
  try {
    const client = await orchestratorOf(person);
    return effectOfPlan(await client.plan({ op: review.kind, target: review.target, args: review.claims.args }), review.planDigest);
  } catch (thrown) {
    return { problem: toTriplaneError(thrown, "unavailable").message };
  }
}

export const keeperShow = defineCommand({
  description:
    "Everything is taken from the signed bytes and from the policy that this home verified itself; what it would do is asked of the orchestrator, its digest taken anew and held against the signed one. The words are the op's digest for reading aloud: its issuer sees the same ones, and two people who see the same words see the same op. Where the review stream says otherwise than was verified here, the page says so and nothing is signed.",
  args: jtiArgs,
  options: z.strictObject({ as: asOption, home: homeOption }),
  examples: [{ command: "triplane keeper show 0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b --as ben", what: "read before you approve" }],
  run: async ({ args, options }, context) => {
    const person = await openPerson(options, context);
    const review = await asReviewer(person, (deps) => showReview(deps, args.jti));
    return { ...review, effect: await effectOf(person, review) };
  },
  render: renderReview,
});
