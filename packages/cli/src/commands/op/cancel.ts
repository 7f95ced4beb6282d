// triplane op cancel: withdraw an op that waits in review.
import { jtiField } from "@triplane/contract";
import { withdraw } from "@triplane/keeper";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { audienceOf } from "../../home/workspace-file.ts";
import { withSubmitter } from "../../people/person.ts";
import { policySource } from "../../people/policy.ts";
import { asOption, keyOption } from "../../people/who.ts";
import { homeOption } from "../home-option.ts";
import { openPerson } from "./options.ts";

export const opCancel = defineCommand({
  description:
    "Signs a rejection of your own op; the keeper then refuses it with op_withdrawn, and that is in the ledger like every outcome. An op that was admitted cannot be withdrawn: submit one that undoes it. Only operators can: the review stream takes no word from agents and automations.",
  args: z.strictObject({ jti: jtiField.meta({ description: "The op's id", placeholder: "JTI" }) }),
  options: z.strictObject({
    as: asOption,
    key: keyOption,
    comment: text("TEXT", "Why; it goes into the ledger").optional(),
    home: homeOption,
  }),
  examples: [{ command: "triplane op cancel 0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b --as ana", what: "withdraw ana's op" }],
  run: async ({ args, options }, context) => {
    const person = await openPerson(options, context);
    const { layout, workspace } = person;
    return await withSubmitter(person, async (_, bus) => {
      const deps = {
        bus,
        audience: audienceOf(workspace),
        source: policySource(layout, workspace),
        clock: context.clock,
        random: context.random,
      };
      const spoken = await withdraw(deps, {
        jti: args.jti,
        key: person.key,
        ...(options.comment === undefined ? {} : { comment: options.comment }),
      });
      return { jti: args.jti, rejection: spoken.approvalDigest };
    });
  },
  render: ({ jti }) => `withdrawn; \`triplane op wait ${jti}\` shows the refusal`,
});
