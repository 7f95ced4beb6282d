// triplane keys new: make a signing key.
import { resolve } from "node:path";
import { generateSigningKey, PRINCIPAL_PATTERN, TriplaneError } from "@triplane/contract";
import { readFileIfThere, writeKeyFile, writeLockedKeyFile } from "@triplane/kit";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, text } from "../../framework/parameters.ts";
import { facts } from "../../framework/table.ts";
import { newPassphrase } from "../../people/signer.ts";
import { homeOption, openHome } from "../home-option.ts";

export const keysNew = defineCommand({
  description:
    "Writes the key to a file that only you can read, and never replaces one. A key means nothing until the policy lists its DID under a principal, and the policy changes only when its operators approve it.\n\nWith --encrypt the file is an OpenSSH private key under a passphrase, which ssh-agent and Radicle read as well. The passphrase is asked for at the terminal; a script names a private file with TRIPLANE_PASSPHRASE_FILE (- is standard input). Keys of daemons are not encrypted: nobody is there to ask.",
  args: z.strictObject({
    name: z.string().regex(PRINCIPAL_PATTERN, "must be 1 to 32 lower-case letters, digits and inner hyphens").meta({
      description: "Name of the key, usually the principal's",
      placeholder: "NAME",
    }),
  }),
  options: z.strictObject({
    out: text("FILE", "Where to write it (default: keys/NAME.json in the home)").optional(),
    encrypt: flag("Lock the file with a passphrase"),
    home: homeOption,
  }),
  examples: [
    { command: "triplane keys new dora", what: "a key for dora in the home folder" },
    { command: "triplane keys new dora --encrypt --out ~/.ssh/triplane", what: "a locked key that ssh-add takes" },
    { command: "triplane keys new laptop --out ./laptop.json", what: "a key in a file of your choice" },
  ],
  run: async ({ args, options }, context) => {
    const path =
      options.out === undefined ? (await openHome(options.home, context)).layout.keyFile(args.name) : resolve(context.cwd, options.out);
    if ((await readFileIfThere(path)) !== undefined)
      throw new TriplaneError("usage", `${path} exists`, { hint: "A key is never replaced; choose another name or file." });
    const passphrase = options.encrypt ? await newPassphrase(context) : undefined;
    const key = generateSigningKey();
    if (passphrase === undefined) await writeKeyFile(path, key);
    else await writeLockedKeyFile(path, key, { passphrase, comment: args.name, random: context.random });
    return { name: args.name, did: key.did, path, encrypted: options.encrypt };
  },
  render: (made) =>
    facts([
      ["name", made.name],
      ["DID", made.did],
      ["file", made.path],
    ]),
});
