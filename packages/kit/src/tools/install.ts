// Makes sure that a tool is there: finds it, or fetches it from the first source that works into the user's cache.
//
// 1. A version folder in the cache is complete or absent: it is filled under another name and renamed.
// 2. What was fetched runs and says the pinned version before it is renamed.
// 3. Nothing outside the cache folder is written, and nothing needs root.
import { mkdir, mkdtemp, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FailureCode, TriplaneError, toTriplaneError } from "@triplane/contract";
import type { Environment } from "../config/resolve.ts";
import { buildFolderOf, dropBuildFolder } from "./build-folder.ts";
import { type FoundTool, searchTool, toolsFolder, versionOf } from "./find.ts";
import { INSTALL_LOCK, withLock } from "./lock.ts";
import type { Tool } from "./manifest.ts";
import { fetchFrom } from "./sources/fetch.ts";
import { describeSource, type Platform, type ToolSource } from "./sources/source.ts";

export type InstallEvent =
  | { readonly kind: "found"; readonly tool: string; readonly path: string; readonly version: string }
  | { readonly kind: "trying"; readonly tool: string; readonly source: string }
  | { readonly kind: "failed"; readonly tool: string; readonly source: string; readonly reason: string; readonly ms: number }
  | {
      readonly kind: "installed";
      readonly tool: string;
      readonly source: string;
      readonly path: string;
      readonly version: string;
      readonly ms: number;
    };

export interface InstallOptions {
  readonly env?: Environment;
  readonly platform?: Platform;
  readonly signal?: AbortSignal;
  onEvent?(event: InstallEvent): void;
}

const ABANDONED_AFTER_MS = 24 * 60 * 60_000;

/** Path and version of a tool that is in range. Throws `tool_missing`, or `tool_checksum` if a source gave something else than was pinned, with all that was tried. */
export async function installTool(tool: Tool, options: InstallOptions = {}): Promise<FoundTool> {
  const env = options.env ?? process.env;
  const report = (event: InstallEvent): void => options.onEvent?.(event);
  const present = await searchTool(tool, env);
  if (present.found !== undefined) {
    report({ kind: "found", tool: tool.name, ...present.found });
    return present.found;
  }
  const folder = join(toolsFolder(env), tool.name);
  const pinned = tool.pinned;
  if (pinned === undefined || tool.sources.length === 0) {
    const seen = present.rejected.map(({ path, why }) => `; ${path} ${why}`).join("");
    throw new TriplaneError("tool_missing", `${tool.name} ${tool.range} is needed${seen}`, { hint: tool.hint });
  }
  return await withLock(join(folder, ".lock"), INSTALL_LOCK, async () => {
    const meanwhile = await searchTool(tool, env);
    if (meanwhile.found !== undefined) {
      report({ kind: "found", tool: tool.name, ...meanwhile.found });
      return meanwhile.found;
    }
    await removeAbandoned(folder);
    return await tryEachSource(tool, pinned, folder, env, options, report);
  });
}

async function tryEachSource(
  tool: Tool,
  pinned: string,
  folder: string,
  env: Environment,
  options: InstallOptions,
  report: (event: InstallEvent) => void,
): Promise<FoundTool> {
  const tried: { source: string; code: FailureCode; reason: string }[] = [];
  for (const source of tool.sources) {
    const name = describeSource(source);
    const startedAt = performance.now();
    report({ kind: "trying", tool: tool.name, source: name });
    try {
      const found = await fetchIntoCache(tool, pinned, source, folder, env, options);
      await dropBuildFolder(source, env);
      report({ kind: "installed", tool: tool.name, source: name, ...found, ms: Math.round(performance.now() - startedAt) });
      return found;
    } catch (error) {
      if (options.signal?.aborted === true) throw error;
      const { code, message: reason } = toTriplaneError(error);
      tried.push({ source: name, code, reason });
      report({ kind: "failed", tool: tool.name, source: name, reason, ms: Math.round(performance.now() - startedAt) });
    }
  }
  const list = tried.map(({ source, reason }) => `${source}: ${reason}`).join("; ");
  // A source that gave something else than was pinned is worth more attention than one that gave nothing.
  const code = tried.some((each) => each.code === "tool_checksum") ? "tool_checksum" : "tool_missing";
  throw new TriplaneError(code, `${tool.name} ${tool.range} is needed and no source worked (${list})`, {
    hint: `${tool.hint} What the sources said is in ${join(folder, "install.log")}.`,
    details: { tool: tool.name, range: tool.range, tried },
  });
}

async function fetchIntoCache(
  tool: Tool,
  pinned: string,
  source: ToolSource,
  folder: string,
  env: Environment,
  options: InstallOptions,
): Promise<FoundTool> {
  const temporary = await mkdtemp(join(folder, ".new-"));
  try {
    await fetchFrom(source, {
      tool: tool.name,
      folder: temporary,
      env,
      platform: options.platform ?? `${process.platform}-${process.arch}`,
      logFile: join(folder, "install.log"),
      buildFolder: buildFolderOf(source, env),
      signal: options.signal,
    });
    const program = join(temporary, "bin", tool.name);
    const version = await versionOf(tool, program);
    if (version !== pinned) {
      throw new TriplaneError("tool_missing", version === undefined ? "what came does not run here" : `what came says it is ${version}`);
    }
    await syncFile(program);
    await writeFile(join(temporary, "origin.json"), `${JSON.stringify({ tool: tool.name, version, source: describeSource(source) })}\n`);
    const final = join(folder, pinned);
    // A folder that is there already did not hold a working program, else it would have been found.
    await rm(final, { recursive: true, force: true });
    await rename(temporary, final);
    return { path: join(final, "bin", tool.name), version };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Folders of installers that died. */
async function removeAbandoned(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    if (!name.startsWith(".new-")) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > ABANDONED_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}
