// component.remove: the instance is stopped and gone; its data is set aside.
import { z } from "zod";
import { existing } from "../instance-spec.ts";
import { defineKind } from "../kind.ts";

export const kind = defineKind({
  name: "component.remove",
  summary: "Stops every replica of the target and removes it. Its data folder is set aside under retired/, not deleted.",
  appliesTo: "instance",
  args: z.strictObject({}),
  intend: async (_args, { target, actual }) => {
    existing(actual, target);
    return { wanted: new Map([[target, {}]]) };
  },
});
