// desired.ncl: which component instances a workspace shall have. Data only, like the policy.
import { TARGET_PATTERN } from "@triplane/contract";
import { conform, type NickelDocument, type ValueProblem } from "@triplane/nickel";
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

/** Throws `args_invalid` with every problem at its place. */
export function parseDesiredState(document: NickelDocument, workspace: string): DesiredState {
  return conform(document, {
    schema: desiredStateSchema,
    code: "args_invalid",
    whole: "the desired state",
    // What was approved once has to stay readable, however its words were written.
    words: "unchecked",
    further: (desired) => [...crossProblems(desired, workspace)],
  });
}

function* crossProblems(desired: DesiredState, workspace: string): Generator<ValueProblem> {
  if (desired.workspace !== workspace) yield { path: ["workspace"], message: `is ${desired.workspace}, this is ${workspace}` };
  const names = desired.components.map((component) => component.name);
  for (const [index, name] of names.entries()) {
    const path = ["components", index, "name"];
    if (names.indexOf(name) !== index) yield { path, message: `${name} occurs twice` };
    if (name === WORKSPACE_TARGET) yield { path, message: `${WORKSPACE_TARGET} is not a name for a component` };
  }
}
