// triplane golden promote, rollback, prune: which image runners are made from, and what is kept.
import { newestProven, promoteCandidate, prune, rollBackGolden, sweep } from "@triplane/golden";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { facts } from "../../framework/table.ts";
import { withGolden } from "./open.ts";
import { PROVIDER_SHAPE, REGISTRY_SHAPE } from "./options.ts";
import { changedData, renderChanged } from "./render.ts";

const OPTIONS = z.strictObject({ ...PROVIDER_SHAPE, ...REGISTRY_SHAPE });

export const goldenPromote = defineCommand({
  description:
    "Makes a candidate current that has passed the smoke build, keeps the image that was current as the previous one, and removes older ones. Given the current image, it finishes a promotion that was cut short.",
  args: z.strictObject({
    image: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .meta({ description: "Id of the image; else the newest proven candidate", placeholder: "ID" }),
  }),
  options: OPTIONS,
  examples: [{ command: "triplane golden promote --provider local", what: "the newest candidate that has passed" }],
  run: async ({ args: { image }, options }, context) =>
    await withGolden(options, context, async (parts) => {
      await sweep(parts, context.signal);
      return changedData(await promoteCandidate(parts, image ?? (await newestProven(parts, context.signal)), context.signal));
    }),
  render: renderChanged,
});

export const goldenRollback = defineCommand({
  description:
    "Makes the previous image current again and removes the one that was. Runners that were made from it live on until their leases end. Only once: before the previous image there is none.",
  args: z.strictObject({}),
  options: OPTIONS,
  examples: [{ command: "triplane golden rollback --provider hcloud --token-file token", what: "back to the image before" }],
  run: async ({ options }, context) =>
    await withGolden(options, context, async (parts) => changedData(await rollBackGolden(parts, context.signal))),
  render: renderChanged,
});

export const goldenPrune = defineCommand({
  description:
    "Removes retired and rejected images, candidates that are too old to become current, and whatever a command that died left behind: servers, half-made roots, candidates without a smoke build. The current and the previous image stay, and so does what runners use.",
  args: z.strictObject({}),
  options: OPTIONS,
  examples: [{ command: "triplane golden prune --provider local", what: "nothing is left but what is kept" }],
  run: async ({ options }, context) =>
    await withGolden(options, context, async (parts) => {
      const swept = await sweep(parts, context.signal);
      const { removed, inUse } = await prune(parts, context.signal);
      return { swept, removed, in_use: inUse };
    }),
  render: ({ swept, removed, in_use }) =>
    facts([
      ["removed", [...swept, ...removed].length === 0 ? "nothing" : [...swept, ...removed].join(", ")],
      ["in use", in_use.length === 0 ? undefined : in_use.join(", ")],
    ]),
});
