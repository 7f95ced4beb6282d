// triplane op plan: what an op would do now.
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { planOp } from "../../people/person.ts";
import { openPerson, wishArgs, wishFrom, wishOptions } from "./options.ts";
import { renderPlan } from "./render.ts";

export const opPlan = defineCommand({
  description: "Asks the orchestrator. Nothing is signed, sent or changed.",
  args: wishArgs,
  options: z.strictObject(wishOptions),
  examples: [
    { command: "triplane op plan component.deploy web --arg component=web", what: "the plan of a deployment" },
    { command: "triplane op plan component.remove web --json", what: "the same as data, with the digest that is signed" },
  ],
  run: async ({ args, options }, context) => {
    const { plan, draft } = await planOp(await openPerson(options, context), wishFrom(args, options));
    return { plan, scope: draft.scope };
  },
  render: ({ plan, scope }) => `${renderPlan(plan)}\n  scope   ${scope}`,
});
