// ontoref mode list, show, check: which modes there are, and whether they are sound.
import { relative, resolve, sep } from "node:path";
import { readMode } from "@triplane/reflection";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { table } from "../../framework/table.ts";
import { openModesFor, ROOT_SHAPE } from "../../ontoref/open.ts";
import { renderMode } from "../../ontoref/render.ts";

export const modeList = defineCommand({
  args: z.strictObject({}),
  options: z.strictObject(ROOT_SHAPE),
  examples: [{ command: "ontoref mode list", what: "all modes of the provisioning root" }],
  run: async ({ options }, context) => {
    const modes = await openModesFor(options, context);
    const entries = await modes.list();
    return {
      provisioningRoot: modes.root,
      modes: entries.map(({ id, file, mode, failure }) => ({
        ...{ id, file, trigger: mode?.trigger, steps: mode?.steps.length },
        problem: failure === undefined ? undefined : { code: failure.code, message: failure.message },
      })),
    };
  },
  render: ({ modes }) =>
    modes.length === 0
      ? "There are no modes."
      : table(
          ["MODE", "STEPS", "TRIGGER"],
          modes.map(({ id, steps, trigger, problem }) => [
            id,
            String(steps ?? ""),
            trigger ?? `✘ ${problem?.code}: ${problem?.message.split("\n")[0]}`,
          ]),
        ),
});

export const modeShow = defineCommand({
  args: z.strictObject({ mode: text("MODE", "Id of the mode") }),
  options: z.strictObject(ROOT_SHAPE),
  examples: [{ command: "ontoref mode show ops-radicle-build-info", what: "its steps, what each waits for, what a failure means" }],
  run: async ({ args, options }, context) => {
    const modes = await openModesFor(options, context);
    return { file: resolve(modes.root, "reflection/modes", `${args.mode}.ncl`), mode: await modes.load(args.mode) };
  },
  render: ({ mode, file }) => renderMode(mode, file),
});

export const modeCheck = defineCommand({
  description:
    "Reads the file as data, checks its shape and its graph; every problem is reported with file, line and column: unknown steps, cycles, ids used twice, steps that can never be reached, wrong types, functions.",
  args: z.strictObject({ mode: text("MODE", "Id of a mode, or the path of a file that ends in .ncl") }),
  options: z.strictObject(ROOT_SHAPE),
  examples: [
    { command: "ontoref mode check ops-radicle-build-info", what: "a mode of the provisioning root" },
    { command: "ontoref mode check ./my-mode.ncl --json", what: "a file anywhere; problems as data" },
  ],
  run: async ({ args, options }, context) => {
    if (args.mode.endsWith(".ncl")) {
      const file = resolve(context.cwd, args.mode);
      const root = resolve(file, "..");
      const mode = await readMode(relative(root, file).split(sep).join("/"), { root });
      return { file, id: mode.id, steps: mode.steps.length };
    }
    const modes = await openModesFor(options, context);
    const mode = await modes.load(args.mode);
    return { file: resolve(modes.root, "reflection/modes", `${args.mode}.ncl`), id: mode.id, steps: mode.steps.length };
  },
  render: ({ file, id, steps }) => `${file}: ${id} is sound, ${steps} steps.`,
});
