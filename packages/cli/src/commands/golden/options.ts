// Options that the commands on golden images share.

import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { readSecretFile } from "@triplane/kit";
import type { z } from "zod";
import type { CommandContext } from "../../framework/command.ts";
import { integer, list, oneOf, text } from "../../framework/parameters.ts";

export const PROVIDERS = ["local", "hcloud"] as const;
const PLATFORMS = ["linux/amd64", "linux/arm64"] as const;

/** Which provider, and how it is reached. */
export const PROVIDER_SHAPE = {
  provider: oneOf(PROVIDERS, "NAME", "Where golden images are"),
  workDir: text(
    "DIR",
    "Folder for the lock, canaries and lists of contents (default: beside the golden roots, or triplane/golden-hcloud in the user's data folder)",
  ).optional(),
  goldenDir: text("DIR", "local: folder of golden roots (default: triplane/golden in the user's data folder)").optional(),
  network: text("CIDR", "local: private range for canaries").default("10.202.0.0/28"),
  platform: oneOf(PLATFORMS, "PLATFORM", "hcloud: which images").default("linux/amd64"),
  tokenFile: text("FILE", "hcloud: file with the project's token (default: HCLOUD_TOKEN)").optional(),
  endpoint: text("URL", "hcloud: address of the API (default: HCLOUD_ENDPOINT, else Hetzner's)").optional(),
  location: list("NAME", "hcloud: where builders and canaries may be, the preferred place first"),
  sshPort: integer("PORT", "hcloud: port of sshd in golden images", { min: 1, max: 65_535 }).default(22),
} as const;

/** Where lists of contents go. */
export const REGISTRY_SHAPE = {
  registry: text("URL", "Registry for lists of contents, e.g. https://registry.example; without it they are files").optional(),
  registryUser: text("NAME", "Name of the registry's credential").default("golden-builder"),
  registryTokenFile: text("FILE", "File with its secret (default: TRIPLANE_REGISTRY_TOKEN)").optional(),
} as const;

export type ProviderOptions = z.output<z.ZodObject<typeof PROVIDER_SHAPE>>;
export type RegistryOptions = z.output<z.ZodObject<typeof REGISTRY_SHAPE>>;

/** From the file, else from the variable. Throws `usage` where there is neither. */
export async function secretOf(file: string | undefined, variable: string, flag: string, { env, cwd }: CommandContext): Promise<string> {
  const secret = (file === undefined ? env[variable] : await readSecretFile(resolve(cwd, file)))?.trim();
  if (secret !== undefined && secret !== "") return secret;
  throw new TriplaneError("usage", `a secret is needed: ${variable} or ${flag}`);
}
