// triplane policy check: is a policy file data, of the right shape, and consistent.
import { readFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { INVARIANTS, TriplaneError } from "@triplane/contract";
import { isErrno } from "@triplane/kit";
import { folderImporter } from "@triplane/nickel";
import { filesImporter, readPolicy, weakestPaths } from "@triplane/policy";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { facts, table } from "../../framework/table.ts";
import { policyInForce } from "../../people/policy.ts";
import { homeOption, openHome } from "../home-option.ts";
import { whoText } from "./weakest.ts";

const OWN_FILES = ["principals.ncl", "pins.ncl"];

export const policyCheck = defineCommand({
  description: `Reads the file without evaluating anything (policy-files-are-declarative-only: ${INVARIANTS["policy-files-are-declarative-only"]}) and checks its shape and consistency; every problem is reported with file, line and column. Files that it imports are taken from its folder; principals.ncl and pins.ncl, which every workspace has of its own, from the home's approved policy if the folder has none.`,
  args: z.strictObject({ file: text("FILE", "The policy file, usually keeper_policy.ncl") }),
  options: z.strictObject({ home: homeOption }),
  examples: [
    { command: "triplane policy check provisioning/workspaces/libre-wuji/keeper_policy.ncl", what: "before you propose a change" },
    { command: "triplane policy check my.ncl --json", what: "problems as data: file, line, column" },
  ],
  run: async ({ args, options }, context) => {
    const path = resolve(context.cwd, args.file);
    const here = folderImporter(dirname(path));
    const ofHome = await homeImporter(options.home, context);
    // The reader names an import by its place beside the importing file, which is named as the user named it.
    const importer = (named: string): string | undefined => {
      const name = relative(dirname(args.file), named);
      return here(name) ?? (OWN_FILES.includes(name) ? ofHome?.(name) : undefined);
    };
    const policy = readPolicy(await readText(path), { file: args.file, importer });
    return {
      file: args.file,
      workspace: policy.workspace,
      policyVersion: policy.policy_version,
      rules: {
        deny: policy.deny.length,
        review: policy.review.length,
        unopposed: policy.unopposed.length,
        autoSign: policy.auto_sign.length,
      },
      weakest: weakestPaths(policy),
    };
  },
  render: (checked) =>
    [
      facts([
        ["file", checked.file],
        ["workspace", `${checked.workspace}, policy version ${checked.policyVersion}`],
        [
          "rules",
          `${checked.rules.deny} deny, ${checked.rules.review} review, ${checked.rules.unopposed} unopposed, ${checked.rules.autoSign} auto-sign`,
        ],
      ]),
      "",
      "The ways an op gets through, fewest people first:",
      table(
        ["RULE", "PEOPLE", "KINDS", "TARGETS", "WHO"],
        checked.weakest.map((path) => [path.rule, String(path.people), path.kinds.join(" "), path.targets.join(" "), whoText(path)]),
      ),
      "",
      "The policy is sound.",
    ].join("\n"),
});

async function homeImporter(
  home: string | undefined,
  context: CommandContext,
): Promise<((name: string) => string | undefined) | undefined> {
  try {
    const { layout, workspace } = await openHome(home, context);
    return filesImporter((await policyInForce(layout, workspace)).files);
  } catch (error) {
    if (error instanceof TriplaneError && error.code === "home_missing") return undefined;
    throw error;
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "EISDIR")) throw new TriplaneError("usage", `${path} is no file`, { cause: error });
    throw error;
  }
}
