// desired.ncl: which component instances a workspace shall have. Data only, like the policy.
import { TARGET_PATTERN, TriplaneError } from "@triplane/contract";
import { z } from "zod";
import { componentNameField, componentVersionField } from "./catalog/definition.ts";
import { WORKSPACE_TARGET } from "./model.ts";

export const desiredStateSchema = z.strictObject({
  version: z.literal(1),
  workspace: z.string(),
  components: z
    .array(
      z.strictObject({
        /** Target: the instance's name. */
        name: z.string().regex(TARGET_PATTERN, "must be a target name"),
        component: componentNameField,
        /** Where given, the catalog must have exactly this one. */
        version: componentVersionField.optional(),
        replicas: z.int().min(1).max(32).default(1),
        settings: z.record(z.string(), z.union([z.string(), z.int(), z.boolean()])).default({}),
      }),
    )
    .max(200),
});
export type DesiredState = z.infer<typeof desiredStateSchema>;

/** Throws `args_invalid` naming every place that is wrong. */
export function parseDesiredState(value: unknown, workspace: string): DesiredState {
  const parsed = desiredStateSchema.safeParse(value);
  const problems = parsed.success
    ? [...crossProblems(parsed.data, workspace)]
    : parsed.error.issues.map((issue) => `${issue.path.join(".") || "desired.ncl"}: ${issue.message}`);
  if (!parsed.success || problems.length > 0)
    throw new TriplaneError("args_invalid", `desired.ncl: ${problems.join("; ")}`, { details: { problems } });
  return parsed.data;
}

function* crossProblems(desired: DesiredState, workspace: string): Generator<string> {
  if (desired.workspace !== workspace) yield `workspace: is ${desired.workspace}, this is ${workspace}`;
  const names = desired.components.map((component) => component.name);
  for (const name of new Set(names.filter((each, index) => names.indexOf(each) !== index))) yield `components: ${name} occurs twice`;
  if (names.includes(WORKSPACE_TARGET)) yield `components: ${WORKSPACE_TARGET} is not a name for a component`;
}
