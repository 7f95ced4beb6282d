// ontoref step report: closes a step of a run and says what became ready.
import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { readFileIfThere } from "@triplane/kit";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { oneOf, text } from "../../framework/parameters.ts";
import { actorOption, actorSaid, openOntoref, RUN_SHAPE } from "../../ontoref/open.ts";
import { nextText } from "../../ontoref/render.ts";

export const stepReport = defineCommand({
  description:
    "Of the mode's newest open run, unless --run names one. Without --actor and ONTOREF_ACTOR you are the run's own actor. A failed step that the mode wants to be tried again is ready again.",
  args: z.strictObject({ mode: text("MODE", "Id of the mode"), step: text("STEP", "Id of the step") }),
  options: z.strictObject({
    status: oneOf(["pass", "fail", "skip"], "STATUS", "How it ended"),
    output: text("TEXT", "What came out of it; @FILE reads a file, - reads standard input").optional(),
    run: text("RUN", "Id of the run, or the beginning or end of it").optional(),
    actor: actorOption,
    ...RUN_SHAPE,
  }),
  examples: [
    { command: "ontoref step report ops-radicle-build-info plane_topology --status pass", what: "done" },
    { command: "ontoref step report ops-radicle-build-info zot_layout --status fail --output @log.txt", what: "failed, with evidence" },
  ],
  run: async ({ args, options }, context) => {
    const { runs } = await openOntoref(options, context);
    const output = options.output === undefined ? undefined : await textOf(options.output, context);
    const actor = actorSaid(options.actor, context);
    return await runs.report(args.mode, args.step, {
      status: options.status,
      ...(output === undefined ? {} : { output }),
      ...(options.run === undefined ? {} : { run: options.run }),
      ...(actor === undefined ? {} : { actor }),
    });
  },
  render: (run) => nextText(run),
});

async function textOf(given: string, context: CommandContext): Promise<string> {
  if (given === "-") return await context.readInput();
  if (!given.startsWith("@")) return given;
  const content = await readFileIfThere(resolve(context.cwd, given.slice(1)));
  if (content === undefined) throw new TriplaneError("usage", `--output: there is no file ${given.slice(1)}`);
  return content;
}
