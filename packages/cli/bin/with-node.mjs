// Runs a TypeScript entry under Node 24 or later: the running Node if it is new enough, else the one that npm brought. Plain JavaScript: it must load on older Nodes.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import nodeModule, { createRequire } from "node:module";
import { constants, homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const MINIMUM_MAJOR = 24;
const FORWARDED = ["SIGTERM", "SIGHUP", "SIGUSR2"];

/** Path of a Node that is new enough, or undefined. */
export function pickNode() {
  if (Number(process.versions.node.split(".")[0]) >= MINIMUM_MAJOR) return process.execPath;
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/package.json`);
    const program = join(dirname(manifest), "bin", "node");
    return existsSync(program) ? program : undefined;
  } catch {
    return undefined;
  }
}

/** What to tell people when pickNode finds nothing. */
export const NODE_MISSING = `Node ${MINIMUM_MAJOR} or later is needed, this is ${process.versions.node}, and npm has not brought a newer one for ${process.platform} ${process.arch}.
  Run \`npm run setup\` in the checkout (without --omit=optional), or install Node ${MINIMUM_MAJOR} LTS from https://nodejs.org.`;

/**
 * Runs a program to its end with this process's terminal; the result is its exit code.
 * @param {string} program
 * @param {readonly string[]} programArguments
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>}
 */
export function runToEnd(program, programArguments, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, programArguments, { stdio: "inherit", env });
    const forward = (signal) => child.kill(signal);
    // The terminal sends SIGINT to the child as well; this process only has to outlive it.
    const ignore = () => undefined;
    for (const signal of FORWARDED) process.on(signal, forward);
    process.on("SIGINT", ignore);
    const release = () => {
      for (const signal of FORWARDED) process.off(signal, forward);
      process.off("SIGINT", ignore);
    };
    child.once("error", (error) => {
      release();
      reject(error);
    });
    child.once("exit", (code, signal) => {
      release();
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}

/** Where compiled modules are kept. */
export function compiledFolder() {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "triplane", "compiled");
}

// Kept in the user's cache folder, compiled modules start in a third of the time; other programs of ours find them through the
// environment. Before the first TypeScript file, because what strips its types takes longer than all the rest.
function keepCompiled() {
  process.env["NODE_COMPILE_CACHE"] ??= compiledFolder();
  // Node 20 has none, and only starts another Node from here.
  nodeModule.enableCompileCache?.(process.env["NODE_COMPILE_CACHE"]);
}

/**
 * For the files in bin/: runs `entry` (relative to the caller's `import.meta.url`) with this process's arguments.
 * @param {string} entry
 * @param {string} from
 */
export async function runUnderNode24(entry, from) {
  const path = fileURLToPath(new URL(entry, from));
  const node = pickNode();
  if (node === undefined) {
    process.stderr.write(`${NODE_MISSING}\n`);
    process.exitCode = 1;
    return;
  }
  keepCompiled();
  if (node === process.execPath) {
    process.argv[1] = path;
    await import(pathToFileURL(path).href);
  } else {
    process.exitCode = await runToEnd(node, [path, ...process.argv.slice(2)]);
  }
}
