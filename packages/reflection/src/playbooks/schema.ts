// The schema of a playbook: a mode with parameters, a dry run, and, where it destroys, a confirmation by several people.
// The Nickel contract in provisioning/schemas/lib/playbook.ncl is generated from it.
import { z } from "zod";
import { MODE_SHAPE, stepSchema } from "../modes/schema.ts";

const textField = z.string().min(1).max(2000);

/** A parameter reaches steps as the environment variable PARAM_<NAME in capitals>, never as a part of a command line. */
const parameterSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, "must be 1 to 32 lower-case letters, digits and underscores"),
  description: textField,
  type: z.enum(["Text", "Integer", "Boolean", "Choice"]),
  required: z.boolean().default(false),
  default: z.string().max(2000).optional(),
  /** What a dry run takes where nothing is given, so that it can be rehearsed without knowing anybody. */
  example: z.string().max(2000).optional(),
  /** For `Choice`. */
  choices: z.array(z.string().min(1).max(100)).min(1).max(50).optional(),
  /** A regular expression that a `Text` must match as a whole. */
  pattern: z.string().min(1).max(500).optional(),
});

const playbookStepSchema = stepSchema.extend({
  /** Whether it changes anything. In a dry run it is called with TRIPLANE_DRY_RUN=1 and only says what it would do. */
  changes: z.boolean().default(false),
});

export const playbookSchema = z.strictObject({
  ...MODE_SHAPE,
  /** Snake case: the folder's name. */
  id: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9_]{0,62}[a-z0-9])?$/, "must be the folder's name: lower-case letters, digits and inner underscores"),
  description: textField,
  parameters: z.array(parameterSchema).max(50).default([]),
  /** It takes something away that cannot be had back without a loss: `confirmation` people have to say yes before the first step that changes. */
  destructive: z.boolean().default(false),
  confirmation: z.strictObject({ approvals: z.int().min(1).max(16), groups: z.array(z.string().min(1).max(32)).min(1).max(50) }).optional(),
  /** Nushell scripts in the playbook's folder that steps call. */
  scripts: z.array(z.string().regex(/^[a-z0-9_]+\.nu$/, "must be a .nu file in the playbook's folder")).max(50),
  steps: z.array(playbookStepSchema).min(1).max(1000),
});

export type Playbook = z.output<typeof playbookSchema>;
export type PlaybookParameter = Playbook["parameters"][number];
