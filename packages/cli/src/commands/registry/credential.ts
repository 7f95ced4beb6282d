// triplane registry credential: long-lived credentials of the registry, of which the file holds digests.
import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { atomicWriteFile, readFileIfThere } from "@triplane/kit";
import { newSecret, ROLE_NAMES, type Role, withCredential, withoutCredential } from "@triplane/registry";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, oneOf, text } from "../../framework/parameters.ts";
import { facts } from "../../framework/table.ts";

export const registryCredential = defineCommand({
  description:
    "Prints the secret once; the file keeps its digest only. A credential of the same name is replaced, so that its old secret ends. registry-gateway reads the file when it starts.",
  args: z.strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, "must be a name in lower case")
      .meta({ description: "Name of the credential: the user name of clients", placeholder: "NAME" }),
  }),
  options: z.strictObject({
    file: text("FILE", "The credentials file (registry-gateway --credentials-file); made if it is missing"),
    role: oneOf(ROLE_NAMES as readonly [Role, ...Role[]], "ROLE", "What it may do").optional(),
    remove: flag("Take the credential out instead"),
  }),
  examples: [
    { command: "triplane registry credential ci --role woodpecker --file credentials.json", what: "a secret for the CI server" },
    { command: "triplane registry credential ci --remove --file credentials.json", what: "the CI server's secret no longer counts" },
  ],
  run: async ({ args: { name }, options: { file, role, remove } }, { cwd, random }) => {
    if (remove === (role !== undefined)) throw new TriplaneError("usage", "give either --role or --remove");
    const path = resolve(cwd, file);
    const before = await readFileIfThere(path);
    if (role === undefined) {
      const left = before === undefined ? undefined : withoutCredential(before, path, name);
      if (left === undefined) throw new TriplaneError("usage", `${path} has no credential ${name}`);
      await atomicWriteFile(path, left);
      return { name, file: path };
    }
    const secret = newSecret(random);
    await atomicWriteFile(path, withCredential(before, path, { name, role, secret }));
    return { name, file: path, role, secret };
  },
  render: (data) =>
    facts([
      ["name", data.name],
      ...(data.role === undefined ? [] : [["role", data.role] as const]),
      ...(data.secret === undefined ? [] : [["secret", data.secret] as const]),
      ["file", data.file],
    ]),
});
