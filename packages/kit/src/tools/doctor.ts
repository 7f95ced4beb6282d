// What `triplane doctor` says: every tool, whether it is here, and how to get it.
import type { Environment } from "../config/resolve.ts";
import { searchTool } from "./find.ts";
import { TOOLS, type Tool, type ToolName } from "./manifest.ts";
import { describeSource } from "./sources/source.ts";

export interface ToolReport {
  readonly name: ToolName;
  readonly found: boolean;
  /** Absent unless found. */
  readonly path?: string;
  readonly version?: string;
  /** Whether a program of that name is there and its version does. */
  readonly inRange: boolean;
  readonly range: string;
  readonly required: boolean;
  readonly why: string;
  readonly neededFor: readonly string[];
  /** One line for people. */
  readonly howToGet: string;
  /** Programs of that name that do not do, and why. */
  readonly rejected: readonly string[];
}

export async function doctor(env: Environment = process.env): Promise<ToolReport[]> {
  return await Promise.all(TOOLS.map((tool) => examine(tool, env)));
}

async function examine(tool: Tool, env: Environment): Promise<ToolReport> {
  const { found, rejected } = await searchTool(tool, env);
  return {
    name: tool.name,
    found: found !== undefined || rejected.length > 0,
    ...(found === undefined ? {} : { path: found.path, version: found.version }),
    inRange: found !== undefined,
    range: tool.range,
    required: tool.required,
    why: tool.why,
    neededFor: tool.neededFor,
    howToGet: howToGet(tool),
    rejected: rejected.map(({ path, why }) => `${path} ${why}`),
  };
}

function howToGet(tool: Tool): string {
  if (tool.sources.length === 0) return tool.hint;
  return `npm run tools ${tool.name} (${tool.sources.map(describeSource).join(", or ")})`;
}
