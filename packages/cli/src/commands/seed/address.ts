// triplane seed address: how other seeds reach one.
import { resolve } from "node:path";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { seedAddress } from "../../seeds/seed-home.ts";

export const seedAddressCommand = defineCommand({
  description: "Prints NID@HOST:PORT of a seed that was started once on this machine, for `triplane seed run --peer` on others.",
  args: z.strictObject({ folder: text("FOLDER", "Folder of the seed") }),
  options: z.strictObject({}),
  examples: [{ command: "triplane seed address .triplane/seed", what: "the address of the workspace's own seed" }],
  run: async ({ args }, context) => ({ address: await seedAddress(resolve(context.cwd, args.folder)) }),
  render: ({ address }) => address,
});
