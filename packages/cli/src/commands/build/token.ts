// triplane build token: a caller's token for the orchestrator's vm-pool, of which the file holds the digest.
import { resolve } from "node:path";
import { atomicWriteFile, readFileIfThere } from "@triplane/kit";
import { newToken, type TokenScope, withToken } from "@triplane/orchestrator";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, text } from "../../framework/parameters.ts";
import { facts } from "../../framework/table.ts";

export const buildToken = defineCommand({
  description:
    "Prints the token once; the file keeps its digest only. A caller of the same name is replaced, so that its old token ends. The orchestrator reads the file when it starts.",
  args: z.strictObject({
    caller: z
      .string()
      .regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, "must be a name in lower case")
      .meta({ description: "Whose token it is", placeholder: "CALLER" }),
  }),
  options: z.strictObject({
    file: text("FILE", "The tokens file (orchestrator --tokens-file); made if it is missing"),
    readOnly: flag("May look at leases and sizes, and ask for nothing: the registry gateway's, a monitor's"),
  }),
  examples: [
    { command: "triplane build token woodpecker --file tokens.json", what: "a token for the pipelines" },
    { command: "triplane build token registry-gateway --read-only --file tokens.json", what: "a token that sees which leases stand" },
  ],
  run: async ({ args: { caller }, options: { file, readOnly } }, { cwd, random }) => {
    const path = resolve(cwd, file);
    const token = newToken(random);
    const scopes: readonly TokenScope[] = readOnly ? ["vm-pool:read"] : ["vm-pool:read", "vm-pool:spawn"];
    await atomicWriteFile(path, withToken(await readFileIfThere(path), path, { caller, scopes, token }), { mode: 0o600 });
    return { caller, scopes, token, file: path };
  },
  render: ({ caller, scopes, token, file }) =>
    facts([
      ["caller", caller],
      ["may", scopes.join(", ")],
      ["token", token],
      ["file", file],
    ]),
});
