// triplane access add: credentials for somebody whom the approved policy lists.
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { grantAccess } from "../../people/access.ts";
import { homeOption, openHome } from "../home-option.ts";
import { principalArgs, renderChange } from "./options.ts";

export const accessAdd = defineCommand({
  description:
    "Makes identities on the bus and a token of the orchestrator, writes both into the home, has a running nats-server read its configuration again, and tries whether it lets them in. Nobody gets access whom the policy in force does not list. For somebody who has access already it makes new credentials, and the old ones are refused from then on.",
  args: principalArgs,
  options: z.strictObject({ home: homeOption }),
  examples: [{ command: "triplane access add dora", what: "when the approved policy lists dora" }],
  run: async ({ args, options }, context) => {
    const { layout, workspace } = await openHome(options.home, context);
    return await grantAccess(layout, workspace, args.name, context);
  },
  render: renderChange,
});
