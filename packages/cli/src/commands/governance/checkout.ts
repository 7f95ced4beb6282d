// triplane governance checkout: the approved files, in a folder to change them in.
import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { filesAt, GOVERNED, openGoverned, writeFiles } from "@triplane/governance";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { oneOf, text } from "../../framework/parameters.ts";
import { governanceOptions, openSite } from "./site.ts";
import { starterFiles } from "./starter.ts";

export const governanceCheckout = defineCommand({
  description:
    "Writes the files of the approved head. Where nothing is approved yet it writes a first policy or desired state to start from, with the keys of the delegates and the pins of this workspace.",
  args: z.strictObject({
    what: oneOf(GOVERNED, "WHAT", "policy or desired"),
    dir: text("DIR", "Folder that is empty or not there yet"),
  }),
  options: z.strictObject(governanceOptions),
  examples: [{ command: "triplane governance checkout policy ./policy", what: "change it there, then propose it" }],
  run: async ({ args, options }, context) => {
    const open = await openSite(options.home, context);
    const repository = await openGoverned(open.site, args.what);
    const { approved, problem } = repository;
    if (approved === undefined && problem !== undefined && problem.code !== "quorum_not_reached") throw problem;
    const files = approved === undefined ? await starterFiles(open, repository) : await filesAt(repository.repoDir, approved.commit);
    if (files.size === 0) throw new TriplaneError("internal", "there are no files");
    const folder = resolve(context.cwd, args.dir);
    await writeFiles(folder, files);
    return { what: args.what, folder, commit: approved?.commit, files: [...files.keys()] };
  },
  render: ({ what, folder, commit, files }) =>
    [
      commit === undefined
        ? `Nothing is approved yet: a first ${what} to start from is in ${folder}`
        : `The approved ${what} ${commit.slice(0, 12)} is in ${folder}`,
      `  ${files.join(", ")}`,
      `Change it, then: triplane governance propose ${what} ${folder}`,
    ].join("\n"),
});
