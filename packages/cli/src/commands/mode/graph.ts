// ontoref mode graph: the steps of a mode as a picture.
import { resolve } from "node:path";
import { atomicWriteFile } from "@triplane/kit";
import { drawSvg, drawText } from "@triplane/reflection";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, text } from "../../framework/parameters.ts";
import { openModesFor, ROOT_SHAPE } from "../../ontoref/open.ts";

export const modeGraph = defineCommand({
  description:
    "Steps stand in columns: each to the right of all that it waits for. A line goes from a step to those that come after it: solid where it has to pass, dashed where it has to fail, thin where it only has to end. Without options the picture is for a terminal.",
  args: z.strictObject({ mode: text("MODE", "Id of the mode") }),
  options: z.strictObject({
    svg: flag("As SVG, for light and dark backgrounds"),
    out: text("FILE", "Write it to this file instead of standard output; a name that ends in .svg means --svg").optional(),
    ...ROOT_SHAPE,
  }),
  examples: [
    { command: "ontoref mode graph ops-radicle-build-info", what: "in the terminal" },
    { command: "ontoref mode graph ops-radicle-build-info --out mode.svg", what: "as a picture" },
  ],
  run: async ({ args, options }, context) => {
    const modes = await openModesFor(options, context);
    const mode = await modes.load(args.mode);
    const svg = options.svg || options.out?.endsWith(".svg") === true;
    const picture = svg ? drawSvg(mode) : drawText(mode);
    if (options.out === undefined) return { mode: mode.id, format: svg ? "svg" : "text", picture };
    const file = resolve(context.cwd, options.out);
    await atomicWriteFile(file, `${picture}\n`, { mode: 0o644 });
    return { mode: mode.id, format: svg ? "svg" : "text", file };
  },
  render: (data) => ("picture" in data ? (data.picture ?? "") : `${data.file}: written.`),
});
