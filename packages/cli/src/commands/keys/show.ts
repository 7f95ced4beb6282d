// triplane keys show: the public side of the keys in the home.
import { TriplaneError } from "@triplane/contract";
import { namesIfThere, readStoredKey } from "@triplane/kit";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, text } from "../../framework/parameters.ts";
import { table } from "../../framework/table.ts";
import { homeOption, layoutFor } from "../home-option.ts";

export const keysShow = defineCommand({
  description: "Shows public parts only; the secret part never leaves its file.",
  args: z.strictObject({ name: text("NAME", "One key; all of them if left out").optional() }),
  options: z.strictObject({ did: flag("Print the DIDs only"), home: homeOption }),
  examples: [
    { command: "triplane keys show", what: "all keys of the home" },
    { command: "triplane keys show controller --did", what: "the controller's DID, to hand to those who verify" },
    { command: "triplane keys show ana --json", what: "one key, for a script" },
  ],
  run: async ({ args, options }, context) => {
    const layout = layoutFor(options.home, context);
    const names = await keyNames(layout.keys);
    const wanted = args.name === undefined ? names : names.filter((name) => name === args.name);
    if (wanted.length === 0) throw new TriplaneError("key_unknown", `${layout.keys} holds no key ${args.name ?? "at all"}`);
    return {
      onlyDids: options.did,
      keys: await Promise.all(
        wanted.map(async (name) => {
          const { did, isLocked } = await readStoredKey(layout.keyFile(name));
          return { name, did, locked: isLocked };
        }),
      ),
    };
  },
  render: ({ keys, onlyDids }) =>
    onlyDids
      ? keys.map((key) => key.did).join("\n")
      : table(
          ["NAME", "DID", "FILE"],
          keys.map((key) => [key.name, key.did, key.locked ? "locked" : "open"]),
        ),
});

async function keyNames(folder: string): Promise<readonly string[]> {
  return (await namesIfThere(folder))
    .filter((file) => /^[a-z0-9-]+\.json$/.test(file))
    .map((file) => file.slice(0, -".json".length))
    .sort();
}
