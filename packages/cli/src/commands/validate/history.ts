// triplane validate history: what validations found before, and since when something is as it is.
import { HistoryFile, type PastRun, validationNamed } from "@triplane/reflection";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { integer, text } from "../../framework/parameters.ts";
import { table } from "../../framework/table.ts";
import { homeOption, layoutFor } from "../home-option.ts";
import { MARKS } from "./render.ts";

export const validateHistory = defineCommand({
  description:
    "One line for each run, oldest first: how many checks held, and what was red. The validator of a running workspace adds one a day, or one a week; `triplane validate` adds one each time.",
  args: z.strictObject({ name: text("NAME", "Only this validation").optional() }),
  options: z.strictObject({
    last: integer("COUNT", "How many runs at most", { min: 1, max: 10_000 }).default(30),
    home: homeOption,
  }),
  examples: [
    { command: "triplane validate history", what: "the last 30 runs" },
    { command: "triplane validate history ops-contract --json", what: "one validation, with what each check saw" },
  ],
  run: async ({ args, options }, context) => {
    const only = args.name === undefined ? undefined : validationNamed(args.name);
    const { runs, damaged } = await new HistoryFile(layoutFor(options.home, context).validation, context.clock).read();
    if (damaged > 0) context.progress(`warning: ${damaged} lines of the history do not read`);
    return { damaged, runs: runs.filter(({ validation }) => only === undefined || validation === only).slice(-options.last) };
  },
  render: ({ runs }) =>
    runs.length === 0 ? "Nothing was validated yet." : table(["AT", "", "VALIDATION", "HELD", "RED"], runs.map(rowOf)),
});

function rowOf({ at, verdict, validation, checks }: PastRun): readonly string[] {
  const held = checks.filter((check) => check.verdict === "pass").length;
  const looked = checks.filter((check) => check.verdict !== "skip").length;
  const red = checks.filter((check) => check.verdict === "fail" || check.verdict === "unknown").map(({ id }) => id);
  return [at.slice(0, 19).replace("T", " "), MARKS[verdict], validation, `${held} of ${looked}`, red.join(", ")];
}
