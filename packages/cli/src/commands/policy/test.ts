// triplane policy test: the cases beside a policy.
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { isErrno } from "@triplane/kit";
import { type PolicyFiles, testPolicy } from "@triplane/policy";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { policyInForce } from "../../people/policy.ts";
import { homeOption, openHome } from "../home-option.ts";

export const policyTest = defineCommand({
  description:
    "Each case names an op, a time, approvals, and what has to be decided. With DIR the policy in that folder is tested; principals.ncl and pins.ncl come from the home's approved policy if the folder has none.",
  args: z.strictObject({ dir: text("DIR", "Folder with keeper_policy.ncl (default: the home's approved policy)").optional() }),
  options: z.strictObject({ home: homeOption }),
  examples: [
    { command: "triplane policy test", what: "the policy in force" },
    { command: "triplane policy test provisioning/workspaces/libre-wuji", what: "a policy that you are changing" },
  ],
  run: async ({ args, options }, context) => {
    const files =
      args.dir === undefined
        ? await approvedFiles(options.home, context)
        : await folderFiles(resolve(context.cwd, args.dir), options.home, context);
    const cases = testPolicy(files).map(({ name, passed, expected, got }) => ({ name, passed, expected, got }));
    return { cases, passed: cases.filter((each) => each.passed).length };
  },
  render: ({ cases, passed }) =>
    [
      ...cases.map((each) => (each.passed ? `✔ ${each.name}` : `✘ ${each.name}\n    expected ${each.expected}\n    got      ${each.got}`)),
      cases.length === 0 ? "There are no cases." : `${passed} of ${cases.length} cases hold.`,
    ].join("\n"),
  failed: ({ cases, passed }) => passed < cases.length,
});

async function approvedFiles(home: string | undefined, context: CommandContext): Promise<PolicyFiles> {
  const { layout, workspace } = await openHome(home, context);
  return (await policyInForce(layout, workspace)).files;
}

async function folderFiles(folder: string, home: string | undefined, context: CommandContext): Promise<PolicyFiles> {
  const files = new Map<string, string | Uint8Array>();
  for (const name of await nclFiles(folder)) files.set(name, await readFile(join(folder, name), "utf8"));
  if (files.has("principals.ncl") && files.has("pins.ncl")) return files;
  const approved = await approvedFiles(home, context);
  for (const name of ["principals.ncl", "pins.ncl"]) {
    const content = approved.get(name);
    if (!files.has(name) && content !== undefined) files.set(name, content);
  }
  return files;
}

async function nclFiles(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith(".ncl"));
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) throw new TriplaneError("usage", `${folder} is no folder`, { cause: error });
    throw error;
  }
}
