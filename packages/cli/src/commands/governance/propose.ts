// triplane governance propose: a change of policy or desired state, for others to approve.
import { resolve } from "node:path";
import { filesAt, filesIn, GOVERNED, laidOver, openGoverned, proposalsOf, propose } from "@triplane/governance";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, oneOf, text } from "../../framework/parameters.ts";
import { renderReviewed } from "./render.ts";
import { openSigningSite, reviewOptions, signingOptions } from "./site.ts";

/** Of a policy folder that lacks them, the approved ones are kept: every workspace has its own. */
const OWN_FILES = ["principals.ncl", "pins.ncl"];

export const governancePropose = defineCommand({
  description:
    "Checks the files as the keeper would, runs the policy's cases, shows what changes and what it would have meant for the ledger's ops of the last 30 days, and signs the proposal with your key. It is no vote, not even yours. The .ncl files of the folder take the place of the approved ones; principals.ncl and pins.ncl stay where the folder has none.",
  args: z.strictObject({
    what: oneOf(GOVERNED, "WHAT", "policy or desired"),
    dir: text("DIR", "Folder with the files; `triplane governance checkout` makes one"),
  }),
  options: z.strictObject({
    title: text("TEXT", "What it is for, on one line").optional(),
    quiet: flag("Print only its id and its words"),
    ...signingOptions,
  }),
  examples: [
    { command: "triplane governance propose policy ./policy --title 'Ask two people before a restart'", what: "with your key" },
    { command: "triplane governance propose desired ./desired --as ben", what: "in a local workspace" },
  ],
  run: async ({ args, options }, context) => {
    const { site, key, principal } = await openSigningSite(options, context);
    const repository = await openGoverned(site, args.what);
    const approved = await filesAt(repository.repoDir, repository.approved?.commit);
    const files = laidOver(approved, await filesIn(resolve(context.cwd, args.dir)), args.what === "policy" ? OWN_FILES : []);
    const title = options.title ?? `Change the ${args.what === "policy" ? "policy" : "desired state"}`;
    const { clock } = context;
    const reviewed = await propose(site, repository, { ...reviewOptions(site, context), key, principal, clock, files, title });
    const after = await openGoverned(site, args.what);
    const proposal = (await proposalsOf(after)).find(({ commit }) => commit === reviewed.commit);
    return {
      quiet: options.quiet,
      what: args.what,
      id: proposal?.id ?? reviewed.commit.slice(0, 12),
      principal,
      needs: after.threshold,
      ...reviewed,
    };
  },
  render: (made) =>
    made.quiet
      ? `${made.id} ${made.words}`
      : [
          renderReviewed(made),
          "",
          `Proposed as ${made.id} by ${made.principal}. ${made.needs} approvals are needed, yours included if you give it:`,
          `  triplane governance show ${made.id}`,
          `  triplane governance approve ${made.id} --words ${made.words}`,
        ].join("\n"),
});
