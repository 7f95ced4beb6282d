// The token that lets programs speak to an agent's server over HTTP: made once, kept in a file that only its owner reads.
import { resolve } from "node:path";
import type { Random } from "@triplane/contract";
import { atomicWriteFile, ensurePrivateFolder, readSecretFile } from "@triplane/kit";
import type { HomeLayout } from "../home/layout.ts";
import { isThere } from "../people/who.ts";

const TOKEN_BYTES = 32;

export interface ServerToken {
  readonly file: string;
  readonly token: string;
}

/** Removing the file, and starting again, makes a new one. Throws `config_invalid` for a file that others may read. */
export async function serverToken(layout: HomeLayout, agent: string, random: Random): Promise<ServerToken> {
  const file = resolve(layout.tokenFile(`mcp-${agent}`));
  if (!(await isThere(file))) {
    await ensurePrivateFolder(layout.tokens);
    await atomicWriteFile(file, `tpm_${Buffer.from(random.bytes(TOKEN_BYTES)).toString("base64url")}\n`);
  }
  return { file, token: (await readSecretFile(file)).trim() };
}
