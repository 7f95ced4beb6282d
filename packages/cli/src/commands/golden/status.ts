// triplane golden status: which images there are, and whether runners may still be made from the current one.
import { nowSeconds } from "@triplane/contract";
import { goldenStatus } from "@triplane/golden";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { readGolden } from "./open.ts";
import { PROVIDER_SHAPE } from "./options.ts";
import { renderStatus } from "./render.ts";

export const goldenStatusCommand = defineCommand({
  description:
    "An image older than 7 days is reported: make a new one weekly. From one older than 14 days the pool makes no runner: then, and where no image is current, the exit code is 1.",
  args: z.strictObject({}),
  options: z.strictObject(PROVIDER_SHAPE),
  examples: [
    { command: "triplane golden status --provider local", what: "the golden roots of this machine" },
    { command: "triplane golden status --provider hcloud --token-file token --json", what: "for a monitor" },
  ],
  run: async ({ options }, context) => {
    const { images, platform } = await readGolden(options, context);
    const status = goldenStatus(await images.list(context.signal), platform, nowSeconds(context.clock));
    if (status.verdict === "old") context.progress("warning: the golden image is older than 7 days");
    return { provider: options.provider, ...status };
  },
  render: renderStatus,
  failed: ({ verdict }) => verdict === "too-old" || verdict === "missing",
});
