// What a test may order a process to do at a failpoint, and how the two talk: files in a control folder.
//
// An order is a file `<failpoint>.json` for any process, or `<failpoint>.<process>.json` for one; `any` stands for every failpoint.
// A process that carries out an order first renames the file to `….fired` with the proof in it, and adds a line to fired.ndjson.
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Failpoint, GoldenFailpoint, LeaseFailpoint } from "@triplane/contract";

/** Loaded with `node --import` before a daemon, it carries out orders. No installation has it. */
export const ARMING_MODULE: string = fileURLToPath(new URL("./arm.ts", import.meta.url));

/** The control folder. Only the arming module reads it. */
export const FAULTS_DIR_VARIABLE = "TRIPLANE_FAULTS_DIR";
/** What the process is called in names of orders; without it, the name of its program without `.ts`. */
export const FAULTS_NAME_VARIABLE = "TRIPLANE_FAULTS_NAME";

export type FaultAction =
  /** SIGKILL, at once. */
  | "kill"
  /** SIGSTOP, until somebody sends SIGCONT. */
  | "stop"
  /** Exit code 1, without draining anything. */
  | "exit"
  /** The whole process stands still for `delayMs`. */
  | "delay";

export interface FaultOrder {
  readonly action: FaultAction;
  /** Carried out when the failpoint is reached for the n-th time since the order was given, by one process; 1 unless told otherwise. */
  readonly hits?: number;
  readonly delayMs?: number;
  /** Instead of `hits`: at every hit with this probability, again and again until it is taken back. */
  readonly probability?: number;
  readonly seed?: string;
}

export type Armable = Failpoint | GoldenFailpoint | LeaseFailpoint | "any";

/** The proof that an order was carried out. */
export interface Fired {
  readonly failpoint: Failpoint;
  readonly process: string;
  readonly pid: number;
  readonly atMs: number;
  readonly order: FaultOrder;
}

export function orderName(failpoint: Armable, process?: string): string {
  return process === undefined ? failpoint : `${failpoint}.${process}`;
}

/** Gives an order; the file appears whole. What the same order's last firing left is removed first. */
export async function giveOrder(folder: string, failpoint: Armable, order: FaultOrder, process?: string): Promise<void> {
  const path = join(folder, orderName(failpoint, process));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await rm(`${path}.fired`, { force: true });
  await writeFile(`${path}.new`, JSON.stringify(order));
  await rename(`${path}.new`, `${path}.json`);
}

/** Takes an order back; harmless where there is none. */
export async function takeBackOrder(folder: string, failpoint: Armable, process?: string): Promise<void> {
  await rm(join(folder, `${orderName(failpoint, process)}.json`), { force: true });
}

/** The proof that this order was carried out, or undefined. */
export async function firedOrder(folder: string, failpoint: Armable, process?: string): Promise<Fired | undefined> {
  const text = await readFile(join(folder, `${orderName(failpoint, process)}.fired`), "utf8").catch(() => "");
  // For a moment the renamed file still holds the order; the proof ends with a newline.
  return text.endsWith("\n") ? (JSON.parse(text) as Fired) : undefined;
}

/** Everything that was carried out in this folder, oldest first. */
export async function allFired(folder: string): Promise<readonly Fired[]> {
  const text = await readFile(join(folder, "fired.ndjson"), "utf8").catch(() => "");
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Fired);
}

/** Sets the wall clock of a process, or of all, off by this much; timers, which are monotonic, stay as they are. */
export async function skewClock(folder: string, offsetMs: number, process?: string): Promise<void> {
  const path = join(folder, process === undefined ? "clock" : `clock.${process}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, JSON.stringify({ offset_ms: offsetMs }));
  await rename(`${path}.new`, `${path}.json`);
}
