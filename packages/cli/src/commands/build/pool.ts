// Options of commands that ask the orchestrator's pool, and its client: the variables are those of `triplane build`.
import { resolve } from "node:path";
import { poolClient } from "@triplane/buildkit-launcher";
import { TriplaneError } from "@triplane/contract";
import { readSecretFile } from "@triplane/kit";
import type { CommandContext } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";

const DEFAULT_URL = "http://127.0.0.1:7700";

export const poolOptions = {
  orchestratorUrl: text("URL", `The orchestrator with the pool (default: TRIPLANE_BUILD_ORCHESTRATOR_URL, else ${DEFAULT_URL})`).optional(),
  tokenFile: text(
    "FILE",
    "File with a token of scope vm-pool:read (default: TRIPLANE_BUILD_TOKEN_FILE, or TRIPLANE_BUILD_TOKEN itself)",
  ).optional(),
};

interface PoolChoice {
  readonly orchestratorUrl?: string | undefined;
  readonly tokenFile?: string | undefined;
}

/** Throws `usage` without a token. */
export async function poolOf(
  { orchestratorUrl, tokenFile }: PoolChoice,
  { env, cwd }: CommandContext,
): Promise<ReturnType<typeof poolClient>> {
  const url = orchestratorUrl ?? env["TRIPLANE_BUILD_ORCHESTRATOR_URL"] ?? DEFAULT_URL;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new TriplaneError("usage", "--orchestrator-url must be an http or https URL");
  const file = tokenFile ?? env["TRIPLANE_BUILD_TOKEN_FILE"];
  const token = (file === undefined ? env["TRIPLANE_BUILD_TOKEN"] : await readSecretFile(resolve(cwd, file)))?.trim() ?? "";
  if (token === "") throw new TriplaneError("usage", "a token is needed: --token-file, TRIPLANE_BUILD_TOKEN_FILE or TRIPLANE_BUILD_TOKEN");
  return poolClient({ url, token });
}
