// component.scale: more or fewer replicas of the same program.
import { z } from "zod";
import { assertReplicas, existing, specOf } from "../instance-spec.ts";
import { defineKind } from "../kind.ts";

export const kind = defineKind({
  name: "component.scale",
  summary: "Sets the number of replicas of the target; running replicas that stay are not touched.",
  appliesTo: "instance",
  args: z.strictObject({ replicas: z.int().min(1).max(32).describe("Number of processes wanted.") }),
  intend: async ({ replicas }, { target, actual, catalog }) => {
    const before = existing(actual, target);
    const entry = await catalog.find(before.component);
    if (entry !== undefined) assertReplicas(replicas, entry.definition);
    return { wanted: new Map([[target, { present: { ...specOf(before), replicas } }]]) };
  },
});
