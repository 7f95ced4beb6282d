// Making a home that governs: a folder with a key, pins, remotes and copies of the three repositories.
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { generateSigningKey, PRINCIPAL_PATTERN, type Signer, TriplaneError } from "@triplane/contract";
import { assertRemote, fetchRepository, type Remote, type Site } from "@triplane/governance";
import { atomicWriteFile, ensurePrivateFolder, readFileIfThere, readSecretFile, writeKeyFile } from "@triplane/kit";
import { z } from "zod";
import type { CommandContext } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { type GovernanceFile, type PinFile, parsePin, writeGovernanceFile } from "../../home/governance-file.ts";
import type { HomeLayout } from "../../home/layout.ts";
import { openSigner } from "../../people/signer.ts";
import { siteOf } from "./site.ts";

export const principalOption = z.string().regex(PRINCIPAL_PATTERN, "must be 1 to 32 lower-case letters, digits and inner hyphens").meta({
  description: "What you are called in this workspace",
  placeholder: "NAME",
});

export const ownKeyOption = text(
  "FILE|agent:KEY",
  "A key that you have already, in a file, or in your ssh-agent by its DID or comment (default: a new one is made)",
).optional();

export const remoteOption = text("URL", "Where the repositories are exchanged: a folder, or an https, ssh or file address");

/** The remote that a person names; a path is taken from where they stand. Throws `usage`. */
export function namedRemote(given: string, context: CommandContext): Remote {
  const isAddress = /^[a-z]+:\/\//.test(given) || /^[^/]+@[^/]+:/.test(given);
  return assertRemote({ name: "origin", url: isAddress ? given : resolve(context.cwd, given) });
}

/** Throws `usage` where the file is missing or no pin. */
export async function readPinFile(path: string, context: CommandContext): Promise<PinFile> {
  const content = path === "-" ? await context.readInput() : await readFileIfThere(resolve(context.cwd, path));
  if (content === undefined) throw new TriplaneError("usage", `${path} is no file`);
  return parsePin(content);
}

/** The key of a new home: a new one, or the given one. A file is kept in the home as it is, locked or not; an agent's key stays where it is. */
export async function ownKey(given: string | undefined, layout: HomeLayout, name: string, context: CommandContext): Promise<Signer> {
  const path = layout.keyFile(name);
  if (given === undefined) {
    const key = generateSigningKey();
    await keep((file) => writeKeyFile(file, key));
    return key;
  }
  const signer = await openSigner(given, (file) => resolve(context.cwd, file), context);
  if (!given.startsWith("agent:")) {
    const content = await readSecretFile(resolve(context.cwd, given));
    await keep((file) => atomicWriteFile(file, content));
  }
  return signer;

  async function keep(write: (file: string) => Promise<void>): Promise<void> {
    await ensurePrivateFolder(layout.root);
    await ensurePrivateFolder(layout.keys);
    await write(path);
  }
}

/** Fetches the three repositories into a new home and verifies each against the pin; a home that does not verify is not left behind. */
export async function cloneInto(layout: HomeLayout, pin: PinFile, remote: Remote, context: CommandContext): Promise<Site> {
  const site = siteOf(layout, pin, pin.single_operator ? 1 : 2, [remote]);
  await ensurePrivateFolder(layout.root);
  try {
    for (const name of ["policy", "desired", "state"] as const) {
      await fetchRepository(site, name, remote, { random: context.random, signal: context.signal });
      context.progress(`${name}: ${pin.pins[name].rid} fetched and verified`);
    }
  } catch (cause) {
    await rm(layout.storage, { recursive: true, force: true });
    throw cause;
  }
  return site;
}

export async function writeHome(
  layout: HomeLayout,
  pin: PinFile,
  me: GovernanceFile["me"],
  remotes: readonly Remote[],
  context: CommandContext,
): Promise<void> {
  await writeGovernanceFile(layout, {
    format: 1,
    purpose: "governance",
    workspace: pin.workspace,
    created: new Date(context.clock.nowMs()).toISOString(),
    single_operator: pin.single_operator,
    ...(me === undefined ? {} : { me }),
    pins: pin.pins,
    remotes: remotes.map((remote) => ({ ...remote })),
  });
}
