// ontoref run exec: runs the commands of a mode's steps, as one actor, until nothing is left for that actor.
import { TriplaneError } from "@triplane/contract";
import type { RunEvent } from "@triplane/reflection";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { flag, integer, oneOf, text } from "../../framework/parameters.ts";
import { actorOfMode, actorSaid, NEW_RUN_SHAPE, openOntoref, parametersOf } from "../../ontoref/open.ts";
import { renderRun } from "../../ontoref/render.ts";

export const runExec = defineCommand({
  description:
    "Commands run in the provisioning root under bash, each in a process group of its own, with a time limit and little of your environment. A run that was cut off goes on with --run: what had ended stays, and a step that was running then is run again, or asked about with --interrupted ask.\n\nWithout --actor and ONTOREF_ACTOR the actor is the one that all steps of the mode name, else human. Exit codes: 0 the run has passed, 1 it has failed, 3 it waits for somebody else.",
  args: z.strictObject({ mode: text("MODE", "Id of the mode") }),
  options: z.strictObject({
    ...NEW_RUN_SHAPE,
    run: text("RUN", "Go on with this run: its id, or the beginning or end of it").optional(),
    jobs: integer("COUNT", "How many commands run at a time", { min: 1, max: 1024 }).default(4),
    interrupted: oneOf(["again", "ask"], "WHAT", "What becomes of a step that was running when the run was cut off").default("again"),
    quiet: flag("Say nothing while it runs"),
  }),
  examples: [
    { command: "ontoref run exec ops-radicle-build-info --actor agent", what: "all ten steps" },
    { command: "ontoref run exec ops-radicle-build-info --run 4f0d6c1e --jobs 1", what: "go on with a run, one command at a time" },
  ],
  run: async ({ args, options }, context) => {
    const { modes, runs } = await openOntoref(options, context);
    if (options.run !== undefined && (options.task !== "" || options.param.length > 0))
      throw new TriplaneError("usage", "--task and --param are of a new run; with --run they stay what they are");
    const said = actorSaid(options.actor, context);
    const actor =
      said ?? (options.run === undefined ? actorOfMode(await modes.load(args.mode)) : (await runs.show(options.run, "Human")).actor);
    return await runs.exec(args.mode, {
      ...{ task: options.task, actor, parameters: parametersOf(options.param), jobs: options.jobs, interrupted: options.interrupted },
      ...(options.run === undefined ? {} : { run: options.run }),
      signal: context.signal,
      onEvent: (event) => {
        if (!options.quiet) say(event, context);
      },
    });
  },
  render: (run) => renderRun(run),
  exitCode: (run) => ({ passed: 0, failed: 1, cancelled: 1, open: 3 })[run.state],
});

const WORDS = { started: "▶", ended: "", retry: "↻ again:", interrupted: "‖ cut off:" } as const;

function say({ step, what, state, text: said }: RunEvent, context: CommandContext): void {
  if (what === "output") {
    for (const line of (said ?? "").split("\n")) if (line !== "") context.progress(`  ${step} | ${line.slice(0, 400)}`);
    return;
  }
  const mark = what === "ended" ? (state === "pass" ? "✔" : "✘") : WORDS[what];
  context.progress(`${mark} ${step}`);
}
