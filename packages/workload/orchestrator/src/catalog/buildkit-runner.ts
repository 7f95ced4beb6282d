// The component that builds run on: how large a runner may be and how long it may live in this workspace. An op deploys it like every other.
//
// The schema narrows a component's own; the Nickel contract in provisioning/schemas/lib/buildkit_runner.ncl is generated from it.
import { tierSchema } from "@triplane/contract";
import { z } from "zod";
import { componentVersionField } from "./definition.ts";

/** The component in the catalogue, and the instance that the pool looks at. */
export const RUNNER_COMPONENT = "buildkit-runner";
const DAY_S = 86_400;

const asString = { nickel: "strings" } as const;
const descriptionField = z.string().max(200);
const secondsOfLife = z.int().min(60).max(DAY_S);
const componentNameLiteral = z.literal(RUNNER_COMPONENT).meta(asString);

export const buildkitRunnerSchema = z.strictObject({
  name: componentNameLiteral,
  version: componentVersionField,
  description: z.string().min(1).max(300),
  driver: z.literal("File"),
  settings: z.strictObject({
    largest_tier: z
      .strictObject({
        type: z.literal("String"),
        description: descriptionField,
        default: tierSchema.meta(asString),
        max_length: z.literal(4),
      })
      .describe("The largest runner that a build may have; out of memory there is no more to be had."),
    max_ttl_s: z
      .strictObject({
        type: z.literal("Integer"),
        description: descriptionField,
        default: secondsOfLife,
        min: secondsOfLife,
        max: secondsOfLife,
      })
      .describe("Seconds after which a runner is gone, whatever it does."),
  }),
});

/** The settings file that the orchestrator keeps for the deployed instance. */
export const runnerFileSchema = z.looseObject({
  component: componentNameLiteral,
  settings: z.strictObject({ largest_tier: tierSchema, max_ttl_s: secondsOfLife }),
});
export type RunnerTerms = z.infer<typeof runnerFileSchema>["settings"];
