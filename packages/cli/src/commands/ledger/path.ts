// triplane ledger path: where the ledger's repository lies.
import { repositoryDir } from "@triplane/ledger";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { homeOption, openHome } from "../home-option.ts";

export const ledgerPath = defineCommand({
  description: "A bare git repository in Radicle's storage layout. `git clone` makes a copy that anybody can verify.",
  args: z.strictObject({}),
  options: z.strictObject({ home: homeOption }),
  examples: [
    { command: 'git clone "$(triplane ledger path)" copy', what: "a plain clone" },
    { command: 'git clone --mirror "$(triplane ledger path)" copy.git', what: "a clone with everybody's signed refs" },
  ],
  run: async ({ options }, context) => {
    const { layout, workspace } = await openHome(options.home, context);
    const { rid, identityRoot } = workspace.pins.state;
    return { path: repositoryDir(layout.storage, rid), rid, identityRoot, controller: workspace.pins.controller };
  },
  render: ({ path }) => path,
});
