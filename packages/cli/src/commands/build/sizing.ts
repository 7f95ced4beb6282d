// triplane build sizing: what past builds needed, and the size that follows from it.
import { buildTargetField, LANGUAGES, PLATFORMS, repoField, type Sizing } from "@triplane/contract";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { oneOf } from "../../framework/parameters.ts";
import { facts } from "../../framework/table.ts";
import { poolOf, poolOptions } from "./pool.ts";
import { sizeChart } from "./size-chart.ts";

export const buildSizing = defineCommand({
  description:
    "The tier that the next build of a repository gets, why, and the memory that past runs needed (anon + shmem + kernel, never the page cache). Runs are remembered by repository, target and platform. From five measured runs on their 95th percentile × 1.2 decides; before that the language does, unless a run needed more. A run out of memory counts as more than its machine had. A .build-spec.ncl in the repository goes before all of this; it is not asked here.",
  args: z.strictObject({ repo: repoField.meta({ description: "The repository, as builds name it", placeholder: "REPO" }) }),
  options: z.strictObject({
    target: buildTargetField.default("").meta({ description: "Stage of the Dockerfile (default: the last one)", placeholder: "STAGE" }),
    platform: oneOf(PLATFORMS, "PLATFORM", "Platform of the image").default("linux/amd64"),
    language: oneOf(LANGUAGES, "LANGUAGE", "What decides without enough runs").default("other"),
    ...poolOptions,
  }),
  examples: [
    { command: "triplane build sizing acme/api", what: "the chart and the decision" },
    { command: "triplane build sizing acme/api --target test --language rust --json", what: "another stage, for a program" },
  ],
  run: async ({ args, options }, context) => {
    const { target, platform, language } = options;
    return await (await poolOf(options, context)).sizing({ repo: args.repo, target, platform, language });
  },
  render: renderSizing,
});

export function renderSizing(sizing: Sizing): string {
  const { repo, target, platform, tier, reason, samples } = sizing;
  const chart = sizeChart(sizing);
  return [
    facts([
      ["build", [repo, ...(target === "" ? [] : [target]), platform].join(" ")],
      ["tier", tier],
      ["why", reason],
      ["runs", samples.length],
    ]),
    ...(chart === "" ? [] : ["", chart]),
  ].join("\n");
}
