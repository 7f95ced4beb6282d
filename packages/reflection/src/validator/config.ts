// Options of the validator.
import { defineConfig, integer, option, text } from "@triplane/kit";

export const CONFIG = defineConfig({
  program: "validator",
  summary: "Validates a workspace on its schedule: contract and governance daily, the build plane weekly.",
  envPrefix: "TRIPLANE_VALIDATOR",
  options: {
    home: option(text(), { description: "Home folder of the workspace.", placeholder: "FOLDER" }),
    workspace: option(text().optional(), { description: "Name of the workspace, for its metrics and log lines.", placeholder: "NAME" }),
    triplane: option(text(), { description: "The program `triplane`, a module that Node runs: it makes the checks.", placeholder: "FILE" }),
    firstLookMs: option(integer({ min: 0, max: 3_600_000 }).default(300_000), {
      description: "Milliseconds until the first validation: what starts with it has to be up and at rest by then.",
      placeholder: "MS",
    }),
    pollMs: option(integer({ min: 50, max: 3_600_000 }).default(30_000), {
      description: "Milliseconds between two looks at what is due and at what others noted.",
      placeholder: "MS",
    }),
    periodS: option(integer({ min: 1, max: 2_678_400 }).optional(), {
      description: "Seconds after which each validation of the schedule is due again, instead of a day or a week.",
      placeholder: "S",
    }),
    retryMs: option(integer({ min: 50, max: 86_400_000 }).default(900_000), {
      description: "Milliseconds until a validation that could not be run at all is tried again.",
      placeholder: "MS",
    }),
  },
});
