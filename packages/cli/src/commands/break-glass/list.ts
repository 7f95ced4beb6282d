// triplane break-glass list: who broke the glass, and whether M of N stand by it.
import { nowSeconds } from "@triplane/contract";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { table, utc } from "../../framework/table.ts";
import { homeOption, openHome } from "../home-option.ts";
import { usesInLedger } from "./files.ts";

export const breakGlassList = defineCommand({
  description:
    "Worked out from the ledger and the history of the policy, as anybody can. `open` waits to be ratified; `frozen` was not, in time, and the controller refuses every op of that person until it is; `refused` was not applied, and nobody has to answer for it. Exit code 1 while somebody is frozen.",
  args: z.strictObject({}),
  options: z.strictObject({ home: homeOption }),
  examples: [
    { command: "triplane break-glass list", what: "newest first" },
    { command: "triplane break-glass list --json", what: "for a script" },
  ],
  run: async ({ options }, context) => {
    const { layout, workspace } = await openHome(options.home, context);
    return { uses: await usesInLedger(layout, workspace, nowSeconds(context.clock)) };
  },
  render: ({ uses }) =>
    uses.length === 0
      ? "Nobody broke the glass."
      : table(
          ["#", "ACCEPTED", "WHO", "KIND", "TARGET", "OUTCOME", "RULE", "STATE", "RATIFY UNTIL", "JTI"],
          uses.map((use) => [
            String(use.index),
            utc(use.acceptedAtS),
            use.person,
            use.kind,
            use.target,
            use.outcome,
            use.rule,
            use.state,
            utc(use.ratifyByS),
            use.jti,
          ]),
        ),
  failed: ({ uses }) => uses.some(({ state }) => state === "frozen"),
});
