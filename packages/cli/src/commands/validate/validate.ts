// triplane validate: whether the invariants hold today, check by check.

import { TriplaneError } from "@triplane/contract";
import { isRed, runValidation, VALIDATIONS, type ValidationReport, validationNamed, verdictOf } from "@triplane/reflection";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, list, text } from "../../framework/parameters.ts";
import { noteReports } from "../../validation/note.ts";
import { surroundingsOf } from "../../validation/surroundings.ts";
import { homeOption } from "../home-option.ts";
import { renderReports } from "./render.ts";

export const validate = defineCommand({
  description: `Looks at the running system, and at its repositories, and says of each check what it looked at, what it saw, which invariant it guards, and what to do. Without a name it runs them all: ${VALIDATIONS.join(", ")}.\n\n✔ holds; ✘ does not hold; ? could not be looked at, which is never taken for a yes; – this system has no such part. Exit code 1 with any ✘ or ?. What was found is kept in the home's validation/history.jsonl, and a check that held before and does not any more is an alarm, as \`triplane status\` shows it. What belongs to the system beside the workspace (Prometheus, Loki, Grafana, Vector, a registry, a provider of machines) stands in the home's validation.json.`,
  args: z.strictObject({ name: text("NAME", "A validation; validate- may be left out").optional() }),
  options: z.strictObject({
    all: flag("All of them, as without a name"),
    check: list("ID", "Only this check of it"),
    provisioning: text("DIR", "Provisioning folder with playbooks and handlers (default: the one of this program)").optional(),
    config: text("FILE", "Instead of the home's validation.json").optional(),
    unrecorded: flag("Neither keep what was found nor alarm"),
    home: homeOption,
  }),
  examples: [
    { command: "triplane validate", what: "everything" },
    { command: "triplane validate validate-ops-contract", what: "streams, buckets and consumers" },
    { command: "triplane validate radicle-governance --check state-single-delegate --json", what: "one check, for a mode's step" },
  ],
  run: async ({ args, options }, context) => {
    if (args.name !== undefined && options.all) throw new TriplaneError("usage", "--all and a name exclude each other");
    if (args.name === undefined && options.check.length > 0) throw new TriplaneError("usage", "--check wants the name of its validation");
    const names = args.name === undefined ? VALIDATIONS : [validationNamed(args.name)];
    const home = await surroundingsOf(options, context);
    const reports: ValidationReport[] = [];
    for (const name of names) reports.push(await runValidation(name, home.surroundings, { only: options.check, signal: context.signal }));
    const noted = options.unrecorded ? undefined : await noteReports(home, reports, context);
    if (noted?.alarmProblem !== undefined) context.progress(`warning: no alarm could be raised: ${noted.alarmProblem}`);
    const { workspace } = home.surroundings;
    return { workspace, home: home.layout.root, verdict: verdictOf(reports.flatMap(({ checks }) => checks)), reports, noted };
  },
  render: (data) => renderReports(data.workspace, data.reports, data.noted),
  failed: ({ verdict }) => isRed(verdict),
});
