// triplane keys new: make a signing key.
import { resolve } from "node:path";
import { generateSigningKey, PRINCIPAL_PATTERN, TriplaneError } from "@triplane/contract";
import { readFileIfThere, writeKeyFile } from "@triplane/kit";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { facts } from "../../framework/table.ts";
import { homeOption, openHome } from "../home-option.ts";

export const keysNew = defineCommand({
  description:
    "Writes the key to a file that only you can read, and never replaces one. A key means nothing until the policy lists its DID under a principal, and the policy changes only when its operators approve it.",
  args: z.strictObject({
    name: z.string().regex(PRINCIPAL_PATTERN, "must be 1 to 32 lower-case letters, digits and inner hyphens").meta({
      description: "Name of the key, usually the principal's",
      placeholder: "NAME",
    }),
  }),
  options: z.strictObject({
    out: text("FILE", "Where to write it (default: keys/NAME.json in the home)").optional(),
    home: homeOption,
  }),
  examples: [
    { command: "triplane keys new dora", what: "a key for dora in the home folder" },
    { command: "triplane keys new laptop --out ./laptop.json", what: "a key in a file of your choice" },
  ],
  run: async ({ args, options }, context) => {
    const path =
      options.out === undefined ? (await openHome(options.home, context)).layout.keyFile(args.name) : resolve(context.cwd, options.out);
    if ((await readFileIfThere(path)) !== undefined)
      throw new TriplaneError("usage", `${path} exists`, { hint: "A key is never replaced; choose another name or file." });
    const key = generateSigningKey();
    await writeKeyFile(path, key);
    return { name: args.name, did: key.did, path };
  },
  render: (made) =>
    facts([
      ["name", made.name],
      ["DID", made.did],
      ["file", made.path],
    ]),
});
