// triplane playbook show: a playbook, or a run that was asked for, as people read it before they confirm.
import { jtiField } from "@triplane/contract";
import type { Playbook } from "@triplane/reflection";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { facts, table } from "../../framework/table.ts";
import { openPlace, PLAYBOOK_SHAPE } from "../../playbooks/place.ts";
import { assertSameFiles, readRequest } from "../../playbooks/requests.ts";
import { homeOption } from "../home-option.ts";

export const playbookShow = defineCommand({
  description:
    "Of a run: what exactly is asked to be confirmed. The digest is over all files of the playbook as they lie here; where they are not those that the run is about, it says so and exits with 1.",
  args: z.strictObject({ name: text("NAME|RUN", "A playbook, or the id of a run that waits for confirmations") }),
  options: z.strictObject({ home: homeOption, ...PLAYBOOK_SHAPE }),
  examples: [
    { command: "triplane playbook show rotate_keys", what: "its parameters and steps" },
    { command: "triplane playbook show 0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b", what: "what you are asked to confirm" },
  ],
  run: async ({ args, options }, context) => {
    const place = await openPlace(options, context);
    const request = jtiField.safeParse(args.name).success ? await readRequest(place.requestsFolder, args.name) : undefined;
    const loaded = await place.catalogue.load(request?.playbook ?? args.name);
    if (request !== undefined) assertSameFiles(request, loaded);
    const { name, digest, playbook, files } = loaded;
    return { name, digest, files: Object.fromEntries(files), playbook, request };
  },
  render: ({ name, digest, playbook, request }) =>
    [
      facts([
        ["playbook", name],
        ["does", playbook.description],
        ["when", playbook.trigger],
        ["digest", digest],
        ["confirmation", confirmationText(playbook)],
        ["run", request?.run],
        ["asked by", request?.by],
        ["asked at", request?.at],
        ["with", request === undefined ? undefined : parametersText(request.parameters)],
      ]),
      "",
      ...(playbook.parameters.length === 0 ? [] : [parameterTable(playbook), ""]),
      table(
        ["STEP", "", "WHAT IT DOES"],
        playbook.steps.map((step) => [step.id, step.changes ? "changes" : "looks", step.action]),
      ),
    ].join("\n"),
});

function confirmationText({ confirmation }: Playbook): string | undefined {
  return confirmation === undefined
    ? undefined
    : `${confirmation.approvals} of ${confirmation.groups.join(" or ")}, before anything changes`;
}

export function parametersText(parameters: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? "no parameters" : pairs.join(" ");
}

function parameterTable({ parameters }: Playbook): string {
  return table(
    ["PARAMETER", "TYPE", "DEFAULT", "MEANING"],
    parameters.map((each) => [
      each.name,
      each.type === "Choice" ? (each.choices ?? []).join(" or ") : each.type,
      each.required ? "required" : (each.default ?? ""),
      each.description,
    ]),
  );
}
