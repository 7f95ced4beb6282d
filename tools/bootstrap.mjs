// From a fresh clone to a running command: npm packages, a newer Node if needed, the external tools; then the command. Plain JavaScript for any Node >= 18, no dependencies.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compiledFolder, NODE_MISSING, pickNode, runToEnd } from "../packages/cli/bin/with-node.mjs";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const STAMP = join(ROOT, "node_modules", ".triplane-setup");
const LOCK = join(ROOT, ".setup.lock");
const LOCK_STALE_MS = 30_000;

/** What each command runs, and whether it needs the external tools. */
const COMMANDS = {
  setup: { entry: undefined, tools: true, about: "install everything that the other commands need" },
  demo: { entry: ["packages/cli/bin/triplane.mjs", "demo"], tools: true, about: "show the main job end to end on this machine" },
  "demo:build": {
    entry: ["tools/demo-build/main.ts"],
    tools: true,
    about: "build images on machines of their own, on this machine (Linux, root)",
  },
  test: { entry: ["tools/test.ts"], tools: true, about: "run the tests" },
  check: { entry: ["tools/check.ts"], tools: true, about: "format, lint, types, dead code, boundaries, generated docs, tests" },
  torture: { entry: ["test/torture/main.ts"], tools: true, about: "break a running workspace from a seed, then check it" },
  fuzz: { entry: ["test/fuzz/main.ts"], tools: true, about: "feed every parser with broken input" },
  bench: { entry: ["bench/main.ts"], tools: true, about: "measure, as ratios of things measured in one run" },
  docs: { entry: ["tools/generate-docs.ts"], tools: false, about: "generate the reference docs" },
  tools: { entry: ["tools/install.ts"], tools: false, about: "fetch external tools by name" },
};

class SetupFailure extends Error {}

const say = (line) => process.stderr.write(`${line}\n`);
const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

async function main() {
  const [name, ...rest] = process.argv.slice(2);
  const command = Object.hasOwn(COMMANDS, name ?? "") ? COMMANDS[name] : undefined;
  if (command === undefined) {
    say(
      `usage: node tools/bootstrap.mjs COMMAND\n${Object.entries(COMMANDS)
        .map(([each, { about }]) => `  ${each.padEnd(10)} ${about}`)
        .join("\n")}`,
    );
    return 2;
  }
  await ensurePackages();
  const node = pickNode();
  if (node === undefined) throw new SetupFailure(NODE_MISSING);
  const tools = command.tools ? await ensureTools(node) : [];
  if (command.entry === undefined) {
    say("setup: everything is there. Next: npm run demo");
    return 0;
  }
  const folders = [dirname(node), join(ROOT, "node_modules", ".bin"), ...tools.map(({ path }) => dirname(path))];
  // A test file is a process of its own and loads half of the project: compiled once, each starts in half the time.
  const env = { NODE_COMPILE_CACHE: compiledFolder(), ...process.env, PATH: [...new Set(folders), process.env.PATH ?? ""].join(delimiter) };
  const [entry, ...first] = command.entry;
  return await runToEnd(node, [join(ROOT, entry), ...first, ...rest], env);
}

/** Makes node_modules what package-lock.json says. */
async function ensurePackages() {
  if (packagesAreInstalled()) return;
  await withSetupLock(async () => {
    if (packagesAreInstalled()) return;
    const since = Date.now();
    say("setup: npm packages …");
    const ticking = setInterval(() => say(`setup: npm packages … ${seconds(since)}`), 15_000);
    // Not `npm ci`: it refuses a lock file as soon as a registry mirror lacks a package of some other platform. The lock file binds this one as well.
    const log = await runQuietly(...npm(["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"]));
    clearInterval(ticking);
    if (log.code !== 0) {
      throw new SetupFailure(
        `npm install failed in ${ROOT}:\n${indent(log.output)}\n  Look at what npm says above; behind a proxy, npm's own settings apply (npm config get registry).`,
      );
    }
    writeFileSync(STAMP, lockDigest());
    say(`setup: npm packages are there (${seconds(since)})`);
  });
}

/**
 * Whether node_modules is what package-lock.json says: either this script installed it, or it has every package in its version. npm writes what
 * it installed into node_modules/.package-lock.json as its last step, so an interrupted install does not pass.
 */
function packagesAreInstalled() {
  if (readText(STAMP) === lockDigest() && pickNode() !== undefined) return true;
  const wanted = readLock(join(ROOT, "package-lock.json"));
  const installed = readLock(join(ROOT, "node_modules", ".package-lock.json"));
  if (wanted === undefined) throw new SetupFailure(`${join(ROOT, "package-lock.json")} cannot be read: is this a whole checkout?`);
  if (installed === undefined) return false;
  return Object.entries(wanted.packages).every(([path, entry]) => {
    if (!path.includes("node_modules/")) return true;
    const here = installed.packages[path];
    if (here === undefined) return entry.optional === true && !(isForThisMachine(entry) && path.startsWith("node_modules/node-"));
    return here.version === entry.version && here.integrity === entry.integrity && existsSync(join(ROOT, path));
  });
}

/** A package for one platform, and that is this one. With a Node that is new enough, none is needed. */
function isForThisMachine({ os, cpu }) {
  return [os ?? []].flat().includes(process.platform) && [cpu ?? []].flat().includes(process.arch) && pickNode() === undefined;
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

const lockDigest = () =>
  createHash("sha256")
    .update(readText(join(ROOT, "package-lock.json")) ?? "")
    .digest("hex");

/** Finds or fetches the external tools that are required; tools/install.ts does the work. */
async function ensureTools(node) {
  const result = await runQuietly(node, [join(ROOT, "tools", "install.ts"), "--required", "--json"], { showErrors: true });
  if (result.code !== 0) throw new SetupFailure("the external tools are not complete, see above");
  return JSON.parse(result.output).tools;
}

/** npm as the one that runs this script, else the one on PATH. */
function npm(npmArguments) {
  const running = process.env.npm_execpath;
  return running !== undefined && /npm-cli\.c?js$/.test(running) ? [process.execPath, [running, ...npmArguments]] : ["npm", npmArguments];
}

function runQuietly(program, programArguments, { showErrors = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, programArguments, { cwd: ROOT, stdio: ["ignore", "pipe", showErrors ? "inherit" : "pipe"] });
    let output = "";
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout.on("data", keep);
    child.stderr?.on("data", keep);
    child.once("error", (error) => reject(new SetupFailure(error.code === "ENOENT" ? `there is no ${program} on PATH` : error.message)));
    child.once("close", (code) => resolve({ code, output }));
  });
}

/** Two commands that were started at once in one checkout must not both run npm. A lock that nobody touched for long is a dead process's. */
async function withSetupLock(work) {
  let waiting = false;
  for (;;) {
    try {
      closeSync(openSync(LOCK, "wx"));
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw new SetupFailure(`${ROOT} cannot be written: ${error.message}`);
    }
    const touched = statSync(LOCK, { throwIfNoEntry: false });
    if (touched !== undefined && Date.now() - touched.mtimeMs > LOCK_STALE_MS) rmSync(LOCK, { force: true });
    else if (!waiting) {
      waiting = true;
      say("setup: another command is installing here, waiting for it …");
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  const touching = setInterval(() => utimesSync(LOCK, new Date(), new Date()), 5_000);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    rmSync(LOCK, { force: true });
  }
}

const indent = (text) =>
  text
    .trim()
    .split("\n")
    .slice(-40)
    .map((line) => `  | ${line}`)
    .join("\n");

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof SetupFailure)) throw error;
  say(`setup failed: ${error.message}`);
  process.exitCode = 1;
}
