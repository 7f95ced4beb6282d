// The schema of a mode: a graph of steps. It exists once, here; the Nickel contract in provisioning/schemas/lib/mode.ncl is generated from it.
import { z } from "zod";

const MAX_STEPS = 10_000;
const MAX_TEXT = 16_384;

const textField = z.string().min(1).max(MAX_TEXT);
const modeIdField = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, "must be 1 to 64 lower-case letters, digits and inner hyphens");
export const stepIdField = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/, "must be 1 to 64 lower-case letters, digits, inner hyphens and underscores");

/** Who may close a step. `Any` is offered to everybody. */
export const ACTORS = ["Agent", "Human", "Ci", "Any"] as const;

/** When an edge lets its step go: after the other one ended, however; only when it passed; only when it failed. */
export const EDGE_KINDS = ["Always", "OnSuccess", "OnFailure"] as const;

const edgeSchema = z.strictObject({ step: stepIdField, kind: z.enum(EDGE_KINDS) });

/** What a failed step means for the run. `delay` is in seconds. */
const onErrorSchema = z.discriminatedUnion("strategy", [
  z.strictObject({ strategy: z.literal("Stop") }),
  z.strictObject({ strategy: z.literal("Continue") }),
  z.strictObject({ strategy: z.literal("Retry"), max: z.int().min(1).max(100), delay: z.number().min(0).max(86_400).optional() }),
  z.strictObject({ strategy: z.literal("Fallback"), step: stepIdField }),
]);

export const stepSchema = z.strictObject({
  id: stepIdField,
  /** What the step does, as a name. */
  action: textField,
  actor: z.enum(ACTORS),
  /** Run by bash in the provisioning root. Without one, the step is done by its actor and reported. */
  cmd: z.string().min(1).max(65_536).optional(),
  depends_on: z.array(edgeSchema).max(MAX_STEPS).default([]),
  on_error: onErrorSchema.default({ strategy: "Stop" }),
  /** Seconds until the command and everything that it started is killed. */
  timeout_s: z.int().min(1).max(86_400).optional(),
  note: textField.optional(),
});

const conditions = z.array(textField).max(1000).default([]);

/** The fields of a mode; a playbook has these and more. */
export const MODE_SHAPE = {
  id: modeIdField,
  trigger: textField,
  /** What a mode of the same id in another catalogue means for this one. */
  strategy: z.enum(["Override", "Merge", "Append"]).default("Override"),
  preconditions: conditions,
  steps: z.array(stepSchema).min(1).max(MAX_STEPS),
  postconditions: conditions,
} as const;

export const modeSchema = z.strictObject(MODE_SHAPE);

export type Mode = z.output<typeof modeSchema>;
export type Step = Mode["steps"][number];
export type Edge = Step["depends_on"][number];
export type Actor = (typeof ACTORS)[number];
