// triplane break-glass send: past the keeper, to the controller.
import { identityName } from "@triplane/bus";
import { TriplaneError } from "@triplane/contract";
import { sendBrokenGlass } from "@triplane/keeper";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { withBus } from "../../people/connect.ts";
import { asOption, isThere } from "../../people/who.ts";
import { homeOption, openHome } from "../home-option.ts";
import { fileArg, readSigned } from "./files.ts";

export const breakGlassSend = defineCommand({
  description:
    "For the time without a keeper: publishes the admission to the command stream, with a credential of its own that may do nothing else. The controller verifies it as every other, alarms, applies it, and records it. Sending the same file again is harmless.",
  args: z.strictObject({ file: fileArg }),
  options: z.strictObject({ as: asOption, home: homeOption }),
  examples: [{ command: "triplane break-glass send ./night.jwt --as ana", what: "hand it to the controller" }],
  run: async ({ args, options }, context) => {
    const { layout, workspace } = await openHome(options.home, context);
    const compact = await readSigned(args.file, context);
    const principal = options.as ?? context.env["TRIPLANE_AS"] ?? workspace.people.operators[0] ?? "";
    const identity = { role: "break-glass", principal } as const;
    if (!(await isThere(layout.natsSeed(identityName(identity)))))
      throw new TriplaneError("key_unknown", `this home has no credential ${identityName(identity)} for the bus`, {
        hint: "`triplane init` makes one for each operator. On the controller's machine `triplane break-glass apply` needs none.",
      });
    const op = await withBus(identity, layout, workspace, context, (bus) => sendBrokenGlass(bus, workspace.workspace, compact));
    return { jti: op.claims.jti, kind: op.claims.op, target: op.claims.target };
  },
  render: ({ jti, kind, target }) =>
    `${jti}  ${kind} ${target}: sent past the keeper; \`triplane break-glass list\` shows it once it is in the ledger`,
});
