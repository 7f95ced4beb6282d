// triplane playbook receipts: the runs of this home, newest first.

import { join } from "node:path";
import { readFileIfThere } from "@triplane/kit";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { table } from "../../framework/table.ts";
import { openPlace, PLAYBOOK_SHAPE } from "../../playbooks/place.ts";
import { readRequest, requestIds } from "../../playbooks/requests.ts";
import { homeOption } from "../home-option.ts";
import { parametersText } from "./show.ts";

export const playbookReceipts = defineCommand({
  description:
    "Runs and receipts lie beside the home, in a folder that ends with -playbooks, so that they survive what happens to the home.",
  args: z.strictObject({}),
  options: z.strictObject({ home: homeOption, ...PLAYBOOK_SHAPE }),
  examples: [{ command: "triplane playbook receipts", what: "what ran, and what still waits for confirmations" }],
  run: async ({ options }, context) => {
    const { requestsFolder, receiptsFolder } = await openPlace(options, context);
    const runs = await Promise.all(
      (await requestIds(requestsFolder)).map(async (run) => {
        const request = await readRequest(requestsFolder, run);
        const path = join(receiptsFolder, `${run}.json`);
        const there = (await readFileIfThere(path)) !== undefined;
        return {
          run,
          playbook: request.playbook,
          parameters: request.parameters,
          by: request.by,
          at: request.at,
          ...(there ? { receipt: path } : {}),
        };
      }),
    );
    return { runs };
  },
  render: ({ runs }) =>
    runs.length === 0
      ? "No playbook has run here."
      : table(
          ["RUN", "PLAYBOOK", "BY", "AT", "WITH", "RECEIPT"],
          runs.map(({ run, playbook, by, at, parameters, receipt }) => [
            run,
            playbook,
            by ?? "",
            at,
            parametersText(parameters),
            receipt ?? "none yet",
          ]),
        ),
});
