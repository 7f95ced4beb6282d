// triplane access list: whom the policy lists, and who has access.
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { table } from "../../framework/table.ts";
import { accessRows } from "../../people/access.ts";
import { homeOption, openHome } from "../home-option.ts";

export const accessList = defineCommand({
  description:
    "The policy in force says who somebody is and what they may; access is what lets them reach the workspace: identities on the bus and a token of the orchestrator. Exit code 1 if somebody has access whom the policy does not list.",
  args: z.strictObject({}),
  options: z.strictObject({ home: homeOption }),
  examples: [
    { command: "triplane access list", what: "everybody" },
    { command: "triplane access list --json", what: "for a script" },
  ],
  run: async ({ options }, context) => {
    const { layout, workspace } = await openHome(options.home, context);
    return { workspace: workspace.workspace, principals: await accessRows(layout, workspace) };
  },
  render: ({ principals }) =>
    table(
      ["PRINCIPAL", "POLICY", "GROUPS", "MAY", "KEYS", "BUS", "TOKEN"],
      principals.map((row) => [
        row.principal,
        row.listed ?? "NOT LISTED",
        row.groups.join(", "),
        row.may.join(", "),
        String(row.keys.length),
        row.identities.join(", ") || "none",
        row.token ? "yes" : "no",
      ]),
    ),
  failed: ({ principals }) => principals.some((row) => row.listed === undefined && (row.identities.length > 0 || row.token)),
});
