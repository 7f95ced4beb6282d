// Who acts: the principal and key behind `--as`.

import { stat } from "node:fs/promises";
import { type SigningKey, TriplaneError } from "@triplane/contract";
import { isErrno, readKeyFile } from "@triplane/kit";
import { text } from "../framework/parameters.ts";
import type { HomeLayout } from "../home/layout.ts";
import type { WorkspaceFile } from "../home/workspace-file.ts";

export const asOption = text("PRINCIPAL", "Who acts (default: TRIPLANE_AS, else the workspace's first operator)").optional();

export interface Actor {
  readonly principal: string;
  readonly key: SigningKey;
}

/** Throws `key_unknown` where the home holds no such key. */
export async function actorFor(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  layout: HomeLayout,
  workspace: WorkspaceFile,
): Promise<Actor> {
  const principal = flag ?? env["TRIPLANE_AS"] ?? workspace.people.operators[0] ?? "";
  const { operators, agents, automations } = workspace.people;
  if (![...operators, ...agents, ...automations].includes(principal))
    throw new TriplaneError("key_unknown", `workspace ${workspace.workspace} has no principal ${JSON.stringify(principal)}`, {
      hint: `There are ${[...operators, ...agents, ...automations].join(", ")}.`,
    });
  const path = layout.keyFile(principal);
  try {
    await stat(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw new TriplaneError("key_unknown", `${path} is missing`, { cause: error });
    throw error;
  }
  return { principal, key: await readKeyFile(path) };
}
