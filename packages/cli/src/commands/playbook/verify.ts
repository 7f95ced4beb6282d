// triplane playbook verify: what a receipt proves.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { facts } from "../../framework/table.ts";
import { openPlace, PLAYBOOK_SHAPE } from "../../playbooks/place.ts";
import { verifyReceipt } from "../../playbooks/receipt.ts";
import { homeOption, openHome } from "../home-option.ts";
import { parametersText } from "./show.ts";

const MAX_BYTES = 1024 * 1024;

export const playbookVerify = defineCommand({
  description:
    "Verifies the signature of who ran it, that the policy of that time lists the key under that name, and, where the playbook is destructive, that enough people of the groups that it names had confirmed exactly this run. What ops did is proven by their own receipts: `triplane receipt JTI`.",
  args: z.strictObject({ receipt: text("FILE", "The receipt of a run") }),
  options: z.strictObject({ home: homeOption, ...PLAYBOOK_SHAPE }),
  examples: [{ command: "triplane playbook verify receipt.json", what: "who ran what, with whose yes" }],
  run: async ({ args, options }, context) => {
    const { catalogue } = await openPlace(options, context);
    const { layout, workspace } = await openHome(options.home, context);
    const path = resolve(context.cwd, args.receipt);
    const bytes = await readFile(path).catch((cause) => {
      throw new TriplaneError("usage", `${path} cannot be read`, { cause });
    });
    if (bytes.length > MAX_BYTES) throw new TriplaneError("playbook_receipt_invalid", `${path} has more than ${MAX_BYTES} bytes`);
    return await verifyReceipt(bytes.toString("utf8"), { layout, workspace, catalogue });
  },
  render: ({ claims, confirmedBy, sameFiles }) =>
    [
      facts([
        ["playbook", claims.playbook],
        ["with", parametersText(claims.parameters)],
        ["run", claims.run],
        ["by", `${claims.by} (${claims.iss})`],
        ["result", claims.result],
        ["steps", claims.steps.map(({ id, state }) => `${id} ${state}`).join(", ")],
        ["confirmed by", confirmedBy.join(", ") || undefined],
        ["ops", claims.ops.join("\n") || undefined],
        [
          "ledger before",
          claims.before === undefined ? undefined : `${claims.before.size} records, policy ${claims.before.policy_commit ?? ""}`,
        ],
        [
          "ledger after",
          claims.after === undefined ? undefined : `${claims.after.size} records, policy ${claims.after.policy_commit ?? ""}`,
        ],
        ["files", sameFiles === true ? "as they lie here" : "others than those that lie here"],
      ]),
      "",
      "✔ The receipt is what it says.",
    ].join("\n"),
});
