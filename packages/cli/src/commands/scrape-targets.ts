// triplane scrape-targets: where the daemons of a home export their metrics, as Prometheus reads it.
import { z } from "zod";
import { defineCommand } from "../framework/command.ts";
import { openRunFolder } from "../planes/records.ts";
import { homeOption, openHome } from "./home-option.ts";

/** Names of processes, and as whom they speak in the label `daemon`. */
const DAEMONS: Readonly<Record<string, string>> = {
  "keeper-daemon": "keeper",
  "ops-controller": "ops-controller",
  orchestrator: "orchestrator",
  "audit-mirror": "audit-mirror",
  "desired-sync": "desired-sync",
  validator: "validator",
};

export const scrapeTargets = defineCommand({
  description:
    "Prints the addresses of the daemons that `triplane up` started, in the form of Prometheus' file_sd: write it to a file that `prometheus.yml` names. The label `job` is the daemon's name.",
  args: z.strictObject({}),
  options: z.strictObject({ home: homeOption }),
  examples: [{ command: "triplane scrape-targets > targets/local.json", what: "for deploy/observability/prometheus" }],
  run: async ({ options }, context) => {
    const { layout } = await openHome(options.home, context);
    const records = await openRunFolder(layout.run).processes();
    return records
      .flatMap(({ name, healthUrl }) => {
        const job = DAEMONS[name];
        return job === undefined || healthUrl === undefined ? [] : [{ targets: [new URL(healthUrl).host], labels: { job } }];
      })
      .toSorted((a, b) => a.labels.job.localeCompare(b.labels.job));
  },
  render: (targets) => JSON.stringify(targets, null, 2),
});
