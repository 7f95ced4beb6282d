// Runs doors one after another, each in a child process with a limit on memory and a watchdog against hanging.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A child's heap. A door that needs more for one input of 128 KiB can be made to need any amount. */
const MAX_HEAP_MIB = 256;
/** A child that says nothing for so long hangs in one input. */
const HANG_MS = 30_000;

export interface DoorRun {
  readonly door: string;
  readonly seed: number;
  readonly ms: number;
  /** One input again, from a file. */
  readonly only?: string;
  readonly module?: string;
}

export interface DoorReport {
  readonly door: string;
  readonly inputs: number;
  /** How often the door came to what: `accepted` or the code of a refusal. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly finding?: Finding;
}

export interface Finding {
  readonly kind: "crash" | "hang" | "memory" | "uncoded";
  readonly error: string;
  readonly input: Uint8Array;
}

type Told =
  | { readonly kind: "ready" | "done" }
  | { readonly kind: "progress"; readonly inputs: number; readonly outcomes: Record<string, number> }
  | { readonly kind: "defect"; readonly error: string };

export async function runDoor(run: DoorRun, limits: { readonly hangMs?: number } = {}): Promise<DoorReport> {
  const folder = await mkdtemp(join(tmpdir(), "triplane-fuzz-"));
  const inputFile = join(folder, "input");
  await writeFile(inputFile, "");
  try {
    const program = join(import.meta.dirname, "child.ts");
    const child = spawn(process.execPath, [`--max-old-space-size=${MAX_HEAP_MIB}`, program, JSON.stringify({ ...run, inputFile })], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let last = { inputs: 0, outcomes: {} as Record<string, number> };
    let defect: string | undefined;
    let errors = "";
    let hung = false;
    let watchdog: NodeJS.Timeout | undefined;
    const watch = (): void => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => {
        hung = true;
        child.kill("SIGKILL");
      }, limits.hangMs ?? HANG_MS);
    };
    watch();
    child.stderr.on("data", (bytes: Buffer) => {
      errors = `${errors}${bytes.toString("utf8")}`.slice(-4000);
    });
    createInterface({ input: child.stdout }).on("line", (line) => {
      watch();
      const told = JSON.parse(line) as Told;
      if (told.kind === "progress") last = { inputs: told.inputs, outcomes: told.outcomes };
      if (told.kind === "defect") defect = told.error;
    });
    const code = await new Promise<number | undefined>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status) => resolve(status ?? undefined));
    });
    clearTimeout(watchdog);
    const report = { door: run.door, ...last };
    if (code === 0 && defect === undefined) return report;
    const kind = hung ? "hang" : defect !== undefined ? "uncoded" : /heap out of memory|heap limit/i.test(errors) ? "memory" : "crash";
    const error = defect ?? (hung ? `no sign of life for ${limits.hangMs ?? HANG_MS} ms` : errors);
    return { ...report, finding: { kind, error, input: await readFile(run.only ?? inputFile) } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
