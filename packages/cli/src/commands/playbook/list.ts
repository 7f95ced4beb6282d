// triplane playbook list: the procedures that there are.
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { table } from "../../framework/table.ts";
import { openPlace, PLAYBOOK_SHAPE } from "../../playbooks/place.ts";

export const playbookList = defineCommand({
  description: "Exit code 1 if one does not read; the reason stands in its place.",
  args: z.strictObject({}),
  options: z.strictObject(PLAYBOOK_SHAPE),
  examples: [{ command: "triplane playbook list", what: "what there is for which occasion" }],
  run: async ({ options }, context) => {
    const { catalogue } = await openPlace(options, context);
    const entries = await catalogue.list();
    return {
      playbooks: entries.map(({ name, loaded, failure }) => ({
        name,
        ...(loaded === undefined
          ? {}
          : { description: loaded.playbook.description, destructive: loaded.playbook.destructive, digest: loaded.digest }),
        ...(failure === undefined ? {} : { problem: { code: failure.code, message: failure.message } }),
      })),
    };
  },
  render: ({ playbooks }) =>
    table(
      ["PLAYBOOK", "WHAT IT DOES"],
      playbooks.map(({ name, description, destructive, problem }) => [
        name,
        problem === undefined ? `${destructive === true ? "DESTRUCTIVE: " : ""}${description ?? ""}` : `✘ ${problem.message}`,
      ]),
    ),
  failed: ({ playbooks }) => playbooks.some(({ problem }) => problem !== undefined),
});
