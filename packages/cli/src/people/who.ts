// Who acts: the principal behind `--as`, and what signs for them: a key file, or an agent's key behind `--key`.

import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { isErrno } from "@triplane/kit";
import { text } from "../framework/parameters.ts";
import type { HomeLayout } from "../home/layout.ts";
import type { WorkspaceFile } from "../home/workspace-file.ts";
import { fileSigner, openSigner, type PersonalSigner, type Surroundings } from "./signer.ts";

export const asOption = text("PRINCIPAL", "Who acts (default: TRIPLANE_AS, else the workspace's first operator)").optional();

export const keyOption = text(
  "FILE|agent:KEY",
  "What signs: a key file, or agent: with the DID or the comment of a key in your ssh-agent (default: TRIPLANE_KEY, else the file of the home)",
).optional();

export interface Actor {
  readonly principal: string;
  readonly key: PersonalSigner;
}

export interface ActorFlags {
  readonly as?: string | undefined;
  readonly key?: string | undefined;
}

/** Throws `key_unknown` where the home holds no such key, and what opening the key throws. */
export async function actorFor(flags: ActorFlags, around: Surroundings, layout: HomeLayout, workspace: WorkspaceFile): Promise<Actor> {
  const principal = flags.as ?? around.env["TRIPLANE_AS"] ?? workspace.people.operators[0] ?? "";
  const { operators, agents, automations } = workspace.people;
  if (![...operators, ...agents, ...automations].includes(principal))
    throw new TriplaneError("key_unknown", `workspace ${workspace.workspace} has no principal ${JSON.stringify(principal)}`, {
      hint: `There are ${[...operators, ...agents, ...automations].join(", ")}.`,
    });
  const given = flags.key ?? around.env["TRIPLANE_KEY"];
  if (given !== undefined) return { principal, key: await openSigner(given, (path) => resolve(around.cwd ?? ".", path), around) };
  const path = layout.keyFile(principal);
  if (!(await isThere(path)))
    throw new TriplaneError("key_unknown", `${path} is missing`, { hint: "Another file, or a key in your ssh-agent, signs with --key." });
  return { principal, key: await fileSigner(path, around) };
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}
