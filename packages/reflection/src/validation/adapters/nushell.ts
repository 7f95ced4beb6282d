// Nushell scripts as a source: every script below some folders, and what `nu --ide-check` says of each.
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { tryParseJson } from "@triplane/kit";
import { z } from "zod";
import type { ScriptFacts, ScriptProblem } from "../checks/playbooks.ts";
import type { Source } from "../source.ts";

const TIMEOUT_MS = 60_000;
const MAX_OUTPUT = 4 * 1024 * 1024;
const MAX_SCRIPTS = 500;
/** Beyond it nu stops to tell. */
const MAX_PROBLEMS = 20;

const diagnosticSchema = z.object({
  type: z.literal("diagnostic"),
  severity: z.string(),
  message: z.string(),
  /** Byte offsets. */
  span: z.object({ start: z.int().min(0), end: z.int().min(0) }),
});

export interface NushellPlace {
  /** Messages name files from here on. */
  readonly root: string;
  /** Folders below the root that are searched. */
  readonly folders: readonly string[];
  /** Path of the program. Throws `tool_missing`. */
  nu(): Promise<{ readonly path: string; readonly version: string }>;
}

export function scriptSource({ root, folders, nu }: NushellPlace): Source<ScriptFacts> {
  return {
    where: folders.map((folder) => join(root, folder)).join(", "),
    read: async (signal) => {
      const scripts = (await Promise.all(folders.map((folder) => scriptsBelow(join(root, folder))))).flat().sort();
      if (scripts.length > MAX_SCRIPTS)
        throw new TriplaneError("unavailable", `there are ${scripts.length} scripts, more than ${MAX_SCRIPTS}`);
      const { path, version } = await nu();
      const problems: ScriptProblem[] = [];
      for (const script of scripts) problems.push(...(await ideCheck(path, root, script, signal)));
      return { version, scripts: scripts.map((script) => relative(root, script)), problems };
    },
  };
}

async function scriptsBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return entries.filter((entry) => entry.isFile() && entry.name.endsWith(".nu")).map((entry) => join(entry.parentPath, entry.name));
}

async function ideCheck(nu: string, root: string, script: string, signal: AbortSignal): Promise<readonly ScriptProblem[]> {
  const output = await run(nu, ["--no-config-file", "--ide-check", String(MAX_PROBLEMS), script], root, signal);
  const text = await readFile(script);
  // It tells the same twice where it parses twice.
  return [...new Set(output.split("\n"))].flatMap((line) => {
    const parsed = diagnosticSchema.safeParse(tryParseJson(line));
    if (!parsed.success || parsed.data.severity !== "Error") return [];
    const { message, span } = parsed.data;
    const before = text.subarray(0, span.start).toString("utf8").split("\n");
    return [{ file: relative(root, script), line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message }];
  });
}

function run(program: string, args: readonly string[], cwd: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { cwd, signal, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT }, (error, stdout) => {
      // It ends with 0 whatever it finds.
      if (error === null) resolve(stdout);
      else
        reject(
          new TriplaneError("unavailable", `${program} did not check ${args.at(-1)}: ${error.message.split("\n")[0]}`, { cause: error }),
        );
    });
  });
}
