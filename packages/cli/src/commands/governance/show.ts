// triplane governance show: a proposal as its bytes say.
import { findProposal, reviewCommit } from "@triplane/governance";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { renderReviewed } from "./render.ts";
import { governanceOptions, openSite, reviewOptions } from "./site.ts";

export const idArgument = text("ID", "The proposal, or the first digits of it");

export const governanceShow = defineCommand({
  description:
    "Verifies the commit, and renders from its bytes what changes and what that would have meant for the ledger's ops; nothing is taken from what the proposal says of itself. The words are its digest for reading aloud: two people who see the same words see the same proposal.",
  args: z.strictObject({ id: idArgument }),
  options: z.strictObject(governanceOptions),
  examples: [{ command: "triplane governance show 3f9a1c22b0de", what: "read before you approve" }],
  run: async ({ args, options }, context) => {
    const { site } = await openSite(options.home, context);
    const { repository, proposal } = await findProposal(site, args.id);
    const reviewed = await reviewCommit(site, repository, proposal.commit, reviewOptions(site, context));
    return { what: repository.name, ...proposal, ...reviewed };
  },
  render: (shown) =>
    [
      `${shown.what}: proposal ${shown.id}, ${shown.standing}, ${shown.approvedBy.length} approved, ${shown.missing} more needed${shown.rejectedBy.length > 0 ? `, REJECTED by ${shown.rejectedBy.length}` : ""}`,
      "",
      renderReviewed(shown),
      ...(shown.standing === "open" && shown.problems.length === 0
        ? ["", `To approve it: triplane governance approve ${shown.id} --words ${shown.words}`]
        : []),
    ].join("\n"),
  failed: ({ problems, standing }) => standing === "open" && problems.length > 0,
});
