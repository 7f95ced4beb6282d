// triplane governance approve and reject: a delegate's signature about exactly the proposal that was read.
import { approve, findProposal, reject } from "@triplane/governance";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { renderReviewed } from "./render.ts";
import { idArgument } from "./show.ts";
import { openSigningSite, reviewOptions, signingOptions } from "./site.ts";

export const governanceApprove = defineCommand({
  description:
    "Verifies and shows the proposal again, and moves your own signed head to exactly its commit if its words are the ones that you give: those that `triplane governance show` printed, and that you compared with others. An approval of something else that this takes back is named. Whoever is no delegate is refused, as far as this home knows of it; whoever joined may sign what is approved already, which counts from the moment that they become one.",
  args: z.strictObject({ id: idArgument }),
  options: z.strictObject({ words: text("WORDS", "The five words of the proposal that you read"), ...signingOptions }),
  examples: [
    { command: "triplane governance approve 3f9a1c22b0de --words lusab-babad-gutih-tugad-mudof", what: "what you read, and nothing else" },
  ],
  run: async ({ args, options }, context) => {
    const { site, key, principal } = await openSigningSite(options, context);
    const { clock } = context;
    const found = await findProposal(site, args.id);
    const voted = await approve(site, found, options.words, { ...reviewOptions(site, context), key, clock });
    return { ...voted, principal };
  },
  render: ({ reviewed, proposal, principal, withdrawn, votes, repository }) =>
    [
      renderReviewed(reviewed),
      "",
      ...(withdrawn === undefined ? [] : [`This took back the approval of ${withdrawn.slice(0, 12)}.`]),
      proposal.standing === "approved"
        ? `${principal} approved ${proposal.id}: it is the approved ${repository} now.`
        : `${principal} approved ${proposal.id}; ${proposal.missing} more needed.`,
      ...(votes ? [] : ["This key has no vote yet: it counts when the key is a delegate's, and the policy lists it for an operator."]),
    ].join("\n"),
});

export const governanceReject = defineCommand({
  description:
    "Signs that you are against it, for everybody to see, and takes your own approval back. It stops nothing by itself: a proposal that enough others approve is approved.",
  args: z.strictObject({ id: idArgument }),
  options: z.strictObject(signingOptions),
  examples: [{ command: "triplane governance reject 3f9a1c22b0de", what: "a signed no" }],
  run: async ({ args, options }, context) => {
    const { site, key, principal } = await openSigningSite(options, context);
    const voted = await reject(site, await findProposal(site, args.id), { key, clock: context.clock });
    return { ...voted, principal };
  },
  render: ({ proposal, principal, withdrawn }) =>
    `${principal} rejected ${proposal.id}${withdrawn === undefined ? "" : " and took the own approval back"}; ${proposal.missing} more approvals would be needed.`,
});
