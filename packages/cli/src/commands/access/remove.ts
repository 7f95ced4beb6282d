// triplane access remove: takes the credentials of somebody whom the policy lists no longer.
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag } from "../../framework/parameters.ts";
import { revokeAccess } from "../../people/access.ts";
import { homeOption, openHome } from "../home-option.ts";
import { principalArgs, renderChange } from "./options.ts";

export const accessRemove = defineCommand({
  description:
    "Removes their identities from the bus and their token from the orchestrator, has a running nats-server read its configuration again, which ends their connections, and tries whether it refuses them. Their signing key is not touched: what it signs is refused because the policy does not list it.",
  args: principalArgs,
  options: z.strictObject({ beforePolicy: flag("Also while the policy in force still lists them: for a stolen laptop"), home: homeOption }),
  examples: [
    { command: "triplane access remove ben", what: "when the approved policy lists ben no longer" },
    { command: "triplane access remove ben --before-policy", what: "at once; the policy follows" },
  ],
  run: async ({ args, options }, context) => {
    const { layout, workspace } = await openHome(options.home, context);
    return await revokeAccess(layout, workspace, args.name, context, { beforePolicy: options.beforePolicy });
  },
  render: renderChange,
});
