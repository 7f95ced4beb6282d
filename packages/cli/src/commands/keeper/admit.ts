// triplane keeper admit: a person in the keeper's place.
import { jtiField } from "@triplane/contract";
import { admitPending, admitReview, type HandOptions, openBucket } from "@triplane/keeper";
import { silentLogger } from "@triplane/kit";
import { explain } from "@triplane/policy";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { integer } from "../../framework/parameters.ts";
import { table } from "../../framework/table.ts";
import { audienceOf } from "../../home/workspace-file.ts";
import { withBus } from "../../people/connect.ts";
import { policySource } from "../../people/policy.ts";
import { asOption, keyOption } from "../../people/who.ts";
import { homeOption } from "../home-option.ts";
import { openPerson } from "../op/options.ts";

const WAIT_MS = 2_000;

export const keeperAdmit = defineCommand({
  description:
    "Takes the ops that wait for the keeper, in their order, and decides each under the policy; admissions carry your signature. It needs the right 'Admit and gives no more power than the keeper has: what asks for approvals still asks for them, and nobody admits their own op. With a JTI it ends the review of that op, whose approvals have to be there.\n\nHarmless while keeper-daemon runs: both take from one queue, and what one decided the other repeats.",
  args: z.strictObject({
    jti: jtiField.meta({ description: "End the review of this op; otherwise work off the queue", placeholder: "JTI" }).optional(),
  }),
  options: z.strictObject({
    as: asOption,
    key: keyOption,
    max: integer("N", "Most ops to take off the queue (default: 1)", { min: 1, max: 1000 }).optional(),
    home: homeOption,
  }),
  examples: [
    { command: "triplane keeper admit --as ben", what: "decide the next op while the keeper is away" },
    { command: "triplane keeper admit --as ben --max 100", what: "work off the queue" },
    { command: "triplane keeper admit JTI --as cleo", what: "end a review whose approvals are complete" },
  ],
  run: async ({ args, options }, context) => {
    const person = await openPerson(options, context);
    const { layout, workspace } = person;
    return await withBus({ role: "keeper-cli" }, layout, workspace, context, async (bus) => {
      const hand: HandOptions = {
        ...{ bus, bucket: await openBucket(bus, workspace.workspace), audience: audienceOf(workspace) },
        ...{ source: policySource(layout, workspace), key: await person.key.unlock(), clock: context.clock, logger: silentLogger },
      };
      if (args.jti !== undefined) {
        const decision = await admitReview(hand, args.jti);
        return { worked: [], review: { jti: args.jti, verdict: decision.verdict, explanation: explain(decision) } };
      }
      return { worked: await admitPending(hand, { max: options.max ?? 1, waitMs: WAIT_MS, signal: context.signal }), review: undefined };
    });
  },
  render: ({ worked, review }) => {
    if (review !== undefined) return [`${review.jti}: ${review.verdict}`, ...review.explanation].join("\n");
    if (worked.length === 0) return "Nothing waits for the keeper.";
    return table(
      ["JTI", "KIND", "TARGET", "VERDICT", "CODE"],
      worked.map((each) => [
        each.jti ?? each.digest,
        each.kind ?? "",
        each.target ?? "",
        each.verdict === "own" ? "your own op, given back" : each.verdict,
        each.code ?? "",
      ]),
    );
  },
  failed: ({ worked }) => worked.some((each) => each.verdict === "own"),
});
