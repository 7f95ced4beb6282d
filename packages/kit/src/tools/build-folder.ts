// One build folder for programs that share most of their source: `<cache>/triplane/tools/.build/<family>`.
//
// Cargo locks it, so two installers may use it at once. It is there until every program of the family is.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Environment } from "../config/resolve.ts";
import { searchTool, toolsFolder } from "./find.ts";
import { TOOLS } from "./manifest.ts";
import type { ToolSource } from "./sources/source.ts";

export function buildFolderOf(source: ToolSource, env: Environment): string | undefined {
  return source.kind === "cargo" && source.family !== undefined ? join(toolsFolder(env), ".build", source.family) : undefined;
}

/** Removes the folder once no program of the source's family is missing. */
export async function dropBuildFolder(source: ToolSource, env: Environment): Promise<void> {
  const folder = buildFolderOf(source, env);
  if (folder === undefined) return;
  for (const tool of TOOLS) {
    if (!tool.sources.some((other) => buildFolderOf(other, env) === folder)) continue;
    if ((await searchTool(tool, env)).found === undefined) return;
  }
  await rm(folder, { recursive: true, force: true });
}
