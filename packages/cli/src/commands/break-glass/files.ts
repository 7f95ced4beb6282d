// Signed admissions as files, and the numbers that they use.
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Did, TriplaneError } from "@triplane/contract";
import { type GlassUse, glassUses } from "@triplane/governance";
import { readBrokenGlass } from "@triplane/keeper";
import { isErrno, namesIfThere } from "@triplane/kit";
import { repositoryDir } from "@triplane/ledger";
import type { CommandContext } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import type { HomeLayout } from "../../home/layout.ts";
import type { WorkspaceFile } from "../../home/workspace-file.ts";
import { policySource } from "../../people/policy.ts";

export const fileArg = text("FILE", "What `triplane break-glass sign` wrote (- reads standard input)");

/** Throws `usage` where there is no such file. */
export async function readSigned(path: string, context: CommandContext): Promise<string> {
  if (path === "-") return (await context.readInput()).trim();
  try {
    return (await readFile(resolve(context.cwd, path), "utf8")).trim();
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw new TriplaneError("usage", `${path} does not exist`, { cause: error });
    throw error;
  }
}

/** Every use that this home's ledger has, newest first. */
export async function usesInLedger(layout: HomeLayout, workspace: WorkspaceFile, nowS: number): Promise<readonly GlassUse[]> {
  const { policy, state } = workspace.pins;
  const { commit: head } = await policySource(layout, workspace).approvedHead(undefined);
  const ledger = { repoDir: repositoryDir(layout.storage, state.rid), pin: state };
  return await glassUses({ ledger, policy: { repoDir: repositoryDir(layout.storage, policy.rid), head } }, nowS);
}

/** The number after those in the ledger and in files that were signed here. */
export async function nextNumber(key: Did, layout: HomeLayout, uses: readonly GlassUse[]): Promise<number> {
  const known = uses.filter((use) => use.key === key).map(({ seq }) => seq);
  for (const name of await namesIfThere(layout.brokenGlass)) {
    if (!name.endsWith(".jwt")) continue;
    const { claims } = readBrokenGlass((await readFile(join(layout.brokenGlass, name), "utf8")).trim());
    if (claims.iss === key) known.push(claims.seq);
  }
  return Math.max(0, ...known) + 1;
}
