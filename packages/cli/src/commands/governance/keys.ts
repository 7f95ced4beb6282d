// triplane governance keys: which keys are somebody's, and where these decide.
import { keysOf } from "@triplane/governance";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { table } from "../../framework/table.ts";
import { principalArgs } from "../access/options.ts";
import { governanceOptions, openSite } from "./site.ts";

export const governanceKeys = defineCommand({
  description:
    "Every key that the policy in force lists for a name, and every key that an approved policy before it listed, with the repositories (policy, desired state, ledger) in which it is a delegate. A name that a key gave itself when it joined says nothing here.",
  args: principalArgs,
  options: z.strictObject(governanceOptions),
  examples: [
    { command: "triplane governance keys ben", what: "before and after somebody leaves" },
    { command: "triplane governance keys ben --json", what: "for a script" },
  ],
  run: async ({ args, options }, context) => {
    const { site } = await openSite(options.home, context);
    return { workspace: site.workspace, principal: args.name, keys: await keysOf(site, args.name) };
  },
  render: ({ principal, keys }) =>
    keys.length === 0
      ? `No approved policy has listed anybody called ${principal}.`
      : table(
          ["KEY", "ROLE", "POLICY", "DELEGATE OF"],
          keys.map(({ did, role, listed, delegateOf }) => [
            did,
            role,
            listed ? "lists it" : "lists it no longer",
            delegateOf.join(", ") || "nothing",
          ]),
        ),
});
