// ontoref run start: opens a run of a mode and says what is ready.
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { actorOfMode, actorSaid, NEW_RUN_SHAPE, openOntoref, parametersOf } from "../../ontoref/open.ts";
import { renderRun } from "../../ontoref/render.ts";

export const runStart = defineCommand({
  description:
    "The steps are then done by whoever they are for, and closed with `ontoref step report`; `ontoref run exec --run` runs the commands of those that have one. Without --actor and ONTOREF_ACTOR the actor is the one that all steps of the mode name, else human.",
  args: z.strictObject({ mode: text("MODE", "Id of the mode") }),
  options: z.strictObject(NEW_RUN_SHAPE),
  examples: [
    { command: 'ONTOREF_ACTOR=agent ontoref run start ops-radicle-build-info --task "describe architecture"', what: "an agent begins" },
    { command: "ontoref run start ops-radicle-build-info --json", what: "the run as data" },
  ],
  run: async ({ args, options }, context) => {
    const { modes, runs } = await openOntoref(options, context);
    const actor = actorSaid(options.actor, context) ?? actorOfMode(await modes.load(args.mode));
    return await runs.start(args.mode, { task: options.task, actor, parameters: parametersOf(options.param) });
  },
  render: (run) => renderRun(run),
});
