// Tools on modes and their runs. Nothing is executed from here: an agent does a step by its own means, and reports it.
import { TriplaneError } from "@triplane/contract";
import { modeSchema } from "@triplane/reflection";
import { z } from "zod";
import { runShape } from "./shapes.ts";
import { ADDS, defineTool, LOOKS, type Tool } from "./tool.ts";

const MAX_TASK = 1000;
const MAX_OUTPUT = 16_384;

const modeArgument = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, "must be a mode's id")
  .meta({ description: "The mode's id" });
const runArgument = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,128}$/, "must be a run's id")
  .meta({ description: "The run's id" });

export const RUN_TOOLS: readonly Tool[] = [
  defineTool({
    name: "list_modes",
    title: "Modes",
    description: "The procedures of this system: what each is for, and how many steps it has.",
    hints: LOOKS,
    input: z.strictObject({}),
    output: z.object({ modes: z.array(z.object({ id: z.string(), trigger: z.string(), steps: z.int() })) }),
    run: async (desk) => ({ modes: [...(await desk.modes.list())] }),
  }),
  defineTool({
    name: "read_mode",
    title: "Read a mode",
    description: "One procedure in full: preconditions, steps with who does each and what it waits for, postconditions.",
    hints: LOOKS,
    input: z.strictObject({ mode: modeArgument }),
    output: z.object({ mode: modeSchema }),
    run: async (desk, { mode }) => ({ mode: await desk.modes.read(mode) }),
  }),
  defineTool({
    name: "start_run",
    title: "Start a run",
    description:
      "Opens a run of a mode and says which steps are ready for an agent. No command is run: do each ready step by your own means, then `report_step`. Steps of other actors wait for them.",
    hints: ADDS,
    input: z.strictObject({
      mode: modeArgument,
      task: z.string().min(1).max(MAX_TASK).meta({ description: "What this run is for, in a sentence" }),
      parameters: z
        .record(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, "must be a parameter's name"), z.string().max(4096))
        .default({})
        .meta({ description: "Parameters of the mode, by name" }),
    }),
    output: runShape,
    run: (desk, { mode, task, parameters }) => desk.runs.start(mode, { task, actor: "Agent", parameters }),
  }),
  defineTool({
    name: "report_step",
    title: "Report a step",
    description: "Closes a step that an agent did, with what it came to, and says what became ready. A closed step stays closed.",
    hints: ADDS,
    input: z.strictObject({
      mode: modeArgument,
      step: z.string().regex(/^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/, "must be a step's id"),
      status: z.enum(["pass", "fail", "skip"]),
      output: z
        .string()
        .max(MAX_OUTPUT)
        .meta({ description: "What the step found; people see it marked as written by an agent" })
        .optional(),
      run: runArgument.optional().meta({ description: "The run's id; the mode's newest open run unless given" }),
    }),
    output: runShape,
    run: (desk, { mode, step, status, output, run }) =>
      desk.runs.report(mode, step, {
        ...{ status, actor: "Agent" },
        ...(output === undefined ? {} : { output }),
        ...(run === undefined ? {} : { run }),
      }),
  }),
  defineTool({
    name: "show_run",
    title: "Show a run",
    description: "Where a run stands: the state and the evidence of every step, and what is ready for an agent.",
    hints: LOOKS,
    input: z.strictObject({ run: runArgument }),
    output: runShape,
    run: (desk, { run }) => desk.runs.show(run, "Agent"),
  }),
  defineTool({
    name: "list_runs",
    title: "Runs",
    description: "The runs of this system, newest first, whoever started them. `show_run` has their steps.",
    hints: LOOKS,
    input: z.strictObject({ limit: z.int().min(1).max(200).default(20) }),
    output: z.object({ runs: z.array(runShape.pick({ id: true, mode: true, task: true, actor: true, state: true, startedAt: true })) }),
    run: async (desk, { limit }) => {
      const runs = [...(await desk.runs.list())].sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
      return {
        runs: runs.slice(0, limit).map(({ id, mode, task, actor, state, startedAt }) => ({ id, mode, task, actor, state, startedAt })),
      };
    },
  }),
  defineTool({
    name: "cancel_run",
    title: "Cancel a run",
    description: "Ends an open run that an agent started; runs of people and of CI are theirs to cancel.",
    hints: { ...ADDS, destructiveHint: true, idempotentHint: true },
    input: z.strictObject({ run: runArgument }),
    output: runShape,
    run: async (desk, { run }) => {
      const { actor } = await desk.runs.show(run, "Agent");
      if (actor !== "Agent")
        throw new TriplaneError("forbidden", `the run ${run} was started by ${actor}, not by an agent`, {
          hint: "Whoever started it cancels it: `ontoref run cancel`.",
        });
      return await desk.runs.cancel(run, "Agent");
    },
  }),
];
