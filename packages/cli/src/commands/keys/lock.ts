// triplane keys encrypt and decrypt: put a key file under a passphrase, or take it off.
import { resolve } from "node:path";
import { PRINCIPAL_PATTERN, type SigningKey, TriplaneError } from "@triplane/contract";
import { isErrno, readStoredKey, writeKeyFile, writeLockedKeyFile } from "@triplane/kit";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { newPassphrase, passphraseFor } from "../../people/signer.ts";
import { homeOption, layoutFor } from "../home-option.ts";

const args = z.strictObject({ name: text("NAME|FILE", "A key of the home, or a key file") });
const options = z.strictObject({ home: homeOption });

function pathOf(name: string, home: string | undefined, context: CommandContext): string {
  return PRINCIPAL_PATTERN.test(name) ? layoutFor(home, context).keyFile(name) : resolve(context.cwd, name);
}

async function opened(path: string, context: CommandContext): Promise<{ readonly key: SigningKey; readonly wasLocked: boolean }> {
  const stored = await readStoredKey(path).catch((thrown: unknown) => {
    const cause = thrown instanceof TriplaneError ? thrown.cause : undefined;
    throw isErrno(cause, "ENOENT") ? new TriplaneError("key_unknown", `${path} is missing`, { cause: thrown }) : thrown;
  });
  return { key: stored.unlock(stored.isLocked ? await passphraseFor(path, context) : ""), wasLocked: stored.isLocked };
}

export const keysEncrypt = defineCommand({
  description:
    "Replaces the file by the same key as an OpenSSH private key under a passphrase (bcrypt, AES-256-CTR), which ssh-add and Radicle read. What lay on the disk before may still be there, and in backups: a key that somebody may have copied is better replaced (docs/how-to/rotate-a-key.md). The keys of daemons stay as they are: they start without anybody to ask.",
  args,
  options,
  examples: [
    { command: "triplane keys encrypt ana", what: "asks twice for a passphrase" },
    {
      command: "TRIPLANE_PASSPHRASE_FILE=pass triplane keys encrypt ./laptop.json",
      what: "in a script, with the passphrase in a private file",
    },
  ],
  run: async ({ args: { name }, options: { home } }, context) => {
    const path = pathOf(name, home, context);
    const { key, wasLocked } = await opened(path, context);
    if (wasLocked)
      throw new TriplaneError("usage", `${path} is locked already`, { hint: "`ssh-keygen -p -f FILE` changes the passphrase." });
    const comment =
      path
        .split("/")
        .at(-1)
        ?.replace(/\.json$/, "") ?? name;
    await writeLockedKeyFile(path, key, { passphrase: await newPassphrase(context), comment, random: context.random });
    return { did: key.did, path };
  },
  render: ({ did, path }) => `${path} is locked: ${did}`,
});

export const keysDecrypt = defineCommand({
  description: "Writes the key back without a passphrase, readable by you alone: for a key that a daemon or a script is to use.",
  args,
  options,
  examples: [{ command: "triplane keys decrypt ana", what: "asks for the passphrase" }],
  run: async ({ args: { name }, options: { home } }, context) => {
    const path = pathOf(name, home, context);
    const { key } = await opened(path, context);
    await writeKeyFile(path, key);
    return { did: key.did, path };
  },
  render: ({ did, path }) => `${path} is not locked any more: ${did}`,
});
