// triplane demo: the main job, shown for real.
import { z } from "zod";
import { runDemo, SCENES } from "../demo/run-demo.ts";
import { defineCommand } from "../framework/command.ts";

export const demo = defineCommand({
  description: `Makes a workspace in a temporary folder, starts its three planes on free ports, and plays: ${SCENES.map((scene) => scene.title.toLowerCase()).join("; ")}. Every claim is observed, not assumed; the exit code is 0 only if all of them held and nothing is left behind.`,
  args: z.strictObject({}),
  options: z.strictObject({}),
  jsonLines: true,
  examples: [
    { command: "triplane demo", what: "a time line to read; under a minute" },
    { command: "triplane demo --json", what: "its events, one JSON object a line, and the result at the end" },
  ],
  run: async (_, context) => await runDemo(context),
  render: (result) => {
    const missing = result.scenes.flatMap((scene) => scene.missing.map((claim) => `  ✘ ${scene.scene}: ${claim}`));
    const verdict = result.ok ? "✔" : "✘";
    return ["", ...missing, `${verdict} ${result.claims.observed} of ${result.claims.of} claims observed in ${result.seconds} s`].join(
      "\n",
    );
  },
  failed: (result) => !result.ok,
});
