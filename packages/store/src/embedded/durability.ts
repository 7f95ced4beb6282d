// Proof that the engine keeps what it confirms (`persist-before-ack`): a child process commits and is killed with SIGKILL
// the moment the engine has confirmed, and another one must find the row. Scratch folder beside the store, so that it is the same
// file system.
//
// What it shows: the engine in this build, with these settings, on this file system, has handed a confirmed commit to the operating
// system; so a start of which all of that is remembered does without (proof-memory.ts). What it cannot show: that the disk keeps it in a power cut; for that the engine and `sync=every` are pinned (ADR-005).
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import { engineSettings } from "./engine.ts";
import { engineFacts, proofMemory } from "./proof-memory.ts";

const PROBE = fileURLToPath(new URL(`./durability-probe${extname(import.meta.url)}`, import.meta.url));
const STEP_TIMEOUT_MS = 30_000;
const SCRATCH = ".durability-";

const proven = new Map<number, Promise<void>>();

/** Proves what was not proven since the machine started. Throws `store_not_durable`. */
export async function proveDurability(storePath: string): Promise<void> {
  const folder = dirname(storePath);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { dev } = await stat(folder);
  const proof = proven.get(dev) ?? proveUnlessRemembered(folder);
  proven.set(dev, proof);
  proof.catch(() => proven.delete(dev));
  await proof;
}

async function proveUnlessRemembered(folder: string): Promise<void> {
  const memory = await proofMemory(folder, { engine: await engineFacts(engineSettings()) });
  if (await memory?.holds()) return;
  await prove(folder, PROBE);
  await memory?.keep();
}

/** One proof with one program: it gets `write` or `read`, a folder and a value, and prints the value once it is confirmed or found. */
export async function prove(folder: string, program: string): Promise<void> {
  await removeOldScratch(folder);
  const scratch = await mkdtemp(join(folder, SCRATCH));
  const value = randomUUID();
  try {
    await expectPrinted(program, "write", scratch, value);
    await expectPrinted(program, "read", scratch, value);
  } catch (error) {
    throw new TriplaneError(
      "store_not_durable",
      `the store did not prove that it keeps what it confirms: ${toTriplaneError(error).message}`,
      {
        cause: error,
      },
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What a proof left that lost its power: it would stay for ever. Younger ones may belong to a proof that runs. */
async function removeOldScratch(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(SCRATCH)) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs < Date.now() - 4 * STEP_TIMEOUT_MS) await rm(path, { recursive: true, force: true });
  }
}

async function expectPrinted(program: string, step: "write" | "read", scratch: string, value: string): Promise<void> {
  // Its standard input stays open as long as this process lives: the child ends with it.
  const child = spawn(process.execPath, [program, step, scratch, value], { env: engineEnvironment(), stdio: ["pipe", "pipe", "pipe"] });
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const timeout = setTimeout(() => child.kill("SIGKILL"), STEP_TIMEOUT_MS);
  try {
    const printed = await firstLine(child);
    // Killed, not asked to end: nothing may be written on the way out.
    child.kill("SIGKILL");
    await exited;
    if (printed !== value) throw new TriplaneError("store_not_durable", `step ${step} gave ${JSON.stringify(printed.slice(0, 500))}`);
  } finally {
    clearTimeout(timeout);
    child.kill("SIGKILL");
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = "";
    let err = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      out += chunk;
      const end = out.indexOf("\n");
      if (end >= 0) resolve(out.slice(0, end));
    });
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      err = (err + chunk).slice(-2000);
    });
    child.once("error", reject);
    child.once("close", () => resolve(err.trim() === "" ? out : err.trim()));
  });
}

/** What the engine reads, and where compiled modules are; nothing secret goes to the child. */
function engineEnvironment(): Record<string, string> {
  const cache = process.env["NODE_COMPILE_CACHE"];
  return { ...engineSettings(), ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }) };
}
