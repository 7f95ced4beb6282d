// component.deploy: a component instance as the catalog has it now, new or updated.
import { TriplaneError } from "@triplane/contract";
import { z } from "zod";
import { componentNameField, componentVersionField } from "../catalog/definition.ts";
import { instanceSpec } from "../instance-spec.ts";
import { defineKind } from "../kind.ts";

export const kind = defineKind({
  name: "component.deploy",
  summary: "Creates the target from a component of the catalog, or updates it. What is left out stays as it is, or takes its default.",
  appliesTo: "instance",
  args: z.strictObject({
    component: componentNameField.describe("Name in the catalog."),
    version: componentVersionField.optional().describe("Where given, the catalog must have exactly this one."),
    replicas: z.int().min(1).max(32).optional().describe("Number of processes; as before, or 1. A settings file is one."),
    settings: z
      .record(z.string(), z.union([z.string(), z.int(), z.boolean()]))
      .optional()
      .describe("All settings that differ from the default; as before where left out. Never a secret: arguments end in the ledger."),
  }),
  intend: async (args, { target, actual, catalog }) => {
    const before = actual.get(target);
    // Replacing one component by another is a removal, and must not pass as less than one.
    if (before !== undefined && before.component !== args.component)
      throw new TriplaneError("args_invalid", `component: ${target} runs ${before.component}; remove it first`);
    const present = await instanceSpec(
      {
        component: args.component,
        version: args.version,
        replicas: args.replicas ?? before?.replicas ?? 1,
        settings: args.settings ?? before?.settings ?? {},
        managedBy: before?.managed_by ?? "op",
      },
      catalog,
    );
    return { wanted: new Map([[target, { present }]]) };
  },
});
