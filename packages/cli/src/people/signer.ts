// What signs for a person: a key file that may be locked, or a key that an ssh-agent holds.
import { type Signer, type SigningKey, TriplaneError } from "@triplane/contract";
import { agentSigner, readSecretFile, readStoredKey, unlockingSigner } from "@triplane/kit";
import type { CommandContext } from "../framework/command.ts";

const AGENT = "agent:";

/** What opening a key needs of the world; without `askSecret` there is nobody to ask. */
export type Surroundings = Pick<CommandContext, "env"> & Partial<Pick<CommandContext, "askSecret" | "readInput" | "cwd">>;

export interface PersonalSigner extends Signer {
  /** The key itself, for what signs many things without waiting. Throws `key_unknown` for an agent's key, which cannot be had. */
  unlock(): Promise<SigningKey>;
}

/** `agent:DID`, `agent:COMMENT`, or a file. Throws `key_unknown`, `agent_unavailable`, `agent_refused`, `config_invalid`. */
export async function openSigner(given: string, fileAt: (path: string) => string, around: Surroundings): Promise<PersonalSigner> {
  if (given.startsWith(AGENT)) return await fromAgent(given.slice(AGENT.length), around);
  return await fileSigner(fileAt(given), around);
}

export async function fromAgent(which: string, around: Surroundings): Promise<PersonalSigner> {
  const signer = await agentSigner(around.env["SSH_AUTH_SOCK"], which);
  return {
    ...signer,
    unlock: async () => {
      throw new TriplaneError("key_unknown", `${signer.did} is in an ssh-agent, and this needs the key itself`, {
        hint: "Deciding in the keeper's place signs with a key file: --key FILE.",
      });
    },
  };
}

/** The key of a file; a locked one is opened when it first has to sign. Throws `config_invalid`. */
export async function fileSigner(path: string, around: Surroundings): Promise<PersonalSigner> {
  return unlockingSigner(await readStoredKey(path), () => passphraseFor(path, around));
}

/** The passphrase of a locked file. Throws `key_locked` where there is nobody to ask. */
export async function passphraseFor(path: string, around: Surroundings): Promise<string> {
  const given = await scriptedPassphrase(around);
  if (given !== undefined) return given;
  const typed = await around.askSecret?.(`Passphrase of ${path}: `);
  if (typed === undefined) throw new TriplaneError("key_locked", `${path} is locked with a passphrase`);
  return typed;
}

/** A passphrase that is to lock a key: asked twice. Throws `usage` where the two differ. */
export async function newPassphrase(around: Surroundings): Promise<string> {
  const given = await scriptedPassphrase(around);
  if (given !== undefined) return given;
  const typed = await around.askSecret?.("New passphrase: ");
  if (typed === undefined) throw new TriplaneError("key_locked", "there is no terminal on which to ask for a passphrase");
  if ((await around.askSecret?.("The same again: ")) !== typed)
    throw new TriplaneError("usage", "the two passphrases differ; nothing was changed");
  return typed;
}

/** What TRIPLANE_PASSPHRASE_FILE names: a private file, or `-` for standard input. A passphrase is never an argument, which others can see. */
async function scriptedPassphrase({ env, readInput }: Surroundings): Promise<string | undefined> {
  const file = env["TRIPLANE_PASSPHRASE_FILE"];
  if (file === undefined || file === "") return undefined;
  const content = file === "-" ? await readInput?.() : await readSecretFile(file);
  return content?.replace(/\r?\n$/, "");
}
