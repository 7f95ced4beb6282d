// component.restart: the same program, started again.
import { z } from "zod";
import { existing, specOf } from "../instance-spec.ts";
import { defineKind } from "../kind.ts";

export const kind = defineKind({
  name: "component.restart",
  summary: "Restarts every replica of the target, one after the other; version and settings stay.",
  appliesTo: "instance",
  args: z.strictObject({}),
  intend: async (_args, { target, actual }) => ({
    wanted: new Map([[target, { present: specOf(existing(actual, target)), restart: true }]]),
  }),
});
