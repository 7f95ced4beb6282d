// ontoref run status, list, show: what runs there are, and how far each is.
import type { RunView } from "@triplane/reflection";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { actorOption, actorSaid, openOntoref, RUN_SHAPE } from "../../ontoref/open.ts";
import { nextText, renderRun, renderRunList } from "../../ontoref/render.ts";

export const runStatus = defineCommand({
  description: "The open runs, newest first, and in each the steps that are ready, for you and for others.",
  args: z.strictObject({ mode: text("MODE", "Only runs of this mode").optional() }),
  options: z.strictObject({ actor: actorOption, ...RUN_SHAPE }),
  examples: [{ command: "ontoref run status", what: "what can be done now" }],
  run: async ({ args, options }, context) => {
    const { runs } = await openOntoref(options, context);
    const open = (await runs.list()).filter((run) => run.state === "open" && (args.mode === undefined || run.mode === args.mode));
    const actor = actorSaid(options.actor, context);
    return { runs: await Promise.all(open.map((run): Promise<RunView> => runs.show(run.id, actor ?? run.actor))) };
  },
  render: ({ runs }) => (runs.length === 0 ? "No run is open." : runs.map((run) => `${run.mode} ${run.id}\n${nextText(run)}`).join("\n\n")),
});

export const runList = defineCommand({
  args: z.strictObject({}),
  options: z.strictObject(RUN_SHAPE),
  examples: [{ command: "ontoref run list", what: "all runs of this provisioning root, newest first" }],
  run: async ({ options }, context) => ({ runs: await (await openOntoref(options, context)).runs.list() }),
  render: ({ runs }) => renderRunList(runs),
});

export const runShow = defineCommand({
  description: "Each step with its state and its evidence: when it ran, its exit code, the digest of its output and the beginning of it.",
  args: z.strictObject({ run: text("RUN", "Id of the run, or the beginning or end of it") }),
  options: z.strictObject({ actor: actorOption, ...RUN_SHAPE }),
  examples: [{ command: "ontoref run show 4f0d6c1e --json", what: "everything that is known of a run" }],
  run: async ({ args, options }, context) => {
    const { runs } = await openOntoref(options, context);
    const actor = actorSaid(options.actor, context);
    const run = await runs.show(args.run, actor ?? "Human");
    return actor === undefined && run.actor !== "Human" ? await runs.show(run.id, run.actor) : run;
  },
  render: (run) => renderRun(run, { outputs: true }),
});

export const runCancel = defineCommand({
  description: "Nothing of it is started any more; what has ended stays in its journal.",
  args: z.strictObject({ run: text("RUN", "Id of the run, or the beginning or end of it") }),
  options: z.strictObject({ actor: actorOption, ...RUN_SHAPE }),
  examples: [{ command: "ontoref run cancel 4f0d6c1e", what: "close a run that nobody will finish" }],
  run: async ({ args, options }, context) => {
    const { runs } = await openOntoref(options, context);
    return await runs.cancel(args.run, actorSaid(options.actor, context) ?? "Human");
  },
  render: (run) => renderRun(run),
});
