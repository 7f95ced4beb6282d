// Finds a tool that is in range: first what was fetched into the user's cache, then what npm brought, then PATH.
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, readdir, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { cacheFolder } from "../cache-folder.ts";
import type { Environment } from "../config/resolve.ts";
import { type Tool, type ToolName, toolNamed } from "./manifest.ts";
import { compareVersions, inRange, parseVersion } from "./version.ts";

export interface FoundTool {
  /** Absolute path of the program. */
  readonly path: string;
  readonly version: string;
}

/** A program of that name that cannot be used. */
export interface RejectedTool {
  readonly path: string;
  readonly why: string;
}

export interface ToolSearch {
  readonly found: FoundTool | undefined;
  readonly rejected: readonly RejectedTool[];
}

/** `tools` of the user's cache. */
export function toolsFolder(env: Environment = process.env): string {
  return join(cacheFolder(env), "tools");
}

/** The tool's path and version. Throws `tool_missing`, naming what was found and why it does not do. */
export async function findTool(name: ToolName, env: Environment = process.env): Promise<FoundTool> {
  const tool = toolNamed(name);
  const { found, rejected } = await searchTool(tool, env);
  if (found !== undefined) return found;
  const seen = rejected.map(({ path, why }) => `${path} ${why}`).join("; ");
  throw new TriplaneError("tool_missing", `${name} ${tool.range} is needed${seen === "" ? " and was not found" : `: ${seen}`}`, {
    hint: tool.sources.length > 0 ? `npm run tools ${name}` : tool.hint,
    details: { tool: name, range: tool.range, rejected },
  });
}

/** For whoever can do something without it: the tool's path, or its bare name, which nobody can start. */
export async function toolOrName(name: ToolName, env: Environment = process.env): Promise<string> {
  return (await searchTool(toolNamed(name), env)).found?.path ?? name;
}

/** As findTool, with an answer instead of a throw. */
export async function searchTool(tool: Tool, env: Environment = process.env): Promise<ToolSearch> {
  const rejected: RejectedTool[] = [];
  for (const path of [...(await cachedPaths(tool, env)), ...npmCandidates(tool), ...pathCandidates(tool, env)]) {
    if (!(await isExecutable(path))) continue;
    const version = await versionOf(tool, path);
    if (version === undefined) rejected.push({ path, why: "does not say its version" });
    else if (!inRange(version, tool.range)) rejected.push({ path, why: `is ${version}` });
    else return { found: { path, version }, rejected };
  }
  return { found: undefined, rejected };
}

/** The version that the program at `path` prints, or undefined if it does not run. */
export function versionOf(tool: Tool, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(path, [...tool.versionArguments], { timeout: 10_000, maxBuffer: 64 * 1024 }, (error, stdout, stderr) => {
      const printed = `${stdout}\n${stderr}`;
      const stated = tool.versionPattern === undefined ? printed : (tool.versionPattern.exec(printed)?.[1] ?? "");
      const nameless = tool.nameless !== undefined && printed.includes(tool.nameless.prints) ? tool.nameless.version : undefined;
      resolve(error === null ? (parseVersion(stated) ?? nameless) : undefined);
    });
  });
}

async function cachedPaths(tool: Tool, env: Environment): Promise<string[]> {
  const folder = join(toolsFolder(env), tool.name);
  const versions = await readdir(folder).catch(() => []);
  return versions
    .filter((name) => /^\d+\.\d+\.\d+$/.test(name))
    .sort((a, b) => compareVersions(b, a))
    .map((version) => join(folder, version, "bin", tool.name));
}

function npmCandidates(tool: Tool): string[] {
  if (tool.npmPackage === undefined) return [];
  const name = tool.npmPackage.replace("{platform}", `${process.platform}-${process.arch}`);
  try {
    return [join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), "bin", tool.name)];
  } catch {
    return []; // npm leaves out what is for another platform
  }
}

function pathCandidates(tool: Tool, env: Environment): string[] {
  const folders = (env["PATH"] ?? "").split(delimiter).filter(isAbsolute);
  // The Node that runs this is the Node that is meant, whatever PATH says.
  const running = tool.name === "node" ? [process.execPath] : [];
  return [...running, ...folders.map((folder) => join(folder, tool.name))];
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
