// `triplane build` as a process of its own: what it says while it runs, its receipt, its end.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sleep } from "@triplane/kit";
import { z } from "zod";

const TRIPLANE = join(import.meta.dirname, "..", "..", "..", "packages", "cli", "bin", "triplane.mjs");
const LOOK_EVERY_MS = 20;

const runSchema = z.looseObject({
  tier: z.string(),
  outcome: z.string(),
  lease_id: z.string().optional(),
  seconds: z.record(z.string(), z.number()),
  steps: z.number(),
  cached_steps: z.number(),
  peak_memory_mib: z.number().optional(),
  oom_kills: z.number().optional(),
  cost_cents: z.number().optional(),
});
const receiptSchema = z.looseObject({
  outcome: z.string(),
  exit_code: z.number(),
  build_id: z.string(),
  images: z.array(z.string()),
  image_digest: z.string().optional(),
  sized_by: z.looseObject({ tier: z.string(), source: z.string(), reason: z.string() }),
  runs: z.array(runSchema),
  cost_cents: z.number().optional(),
  error: z.looseObject({ code: z.string(), message: z.string(), hint: z.string() }).optional(),
});
export type Receipt = z.infer<typeof receiptSchema>;

export interface BuildEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What people read at the end: the receipt, or the failure. */
  readonly out: string;
  /** The log. */
  readonly log: string;
  /** Undefined where none was written: the launcher was killed, or never asked for a lease. */
  readonly receipt: Receipt | undefined;
}

export interface BuildOrder {
  /** Holds contexts and receipts; made if it is not there. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** `acme/api`. */
  readonly repo: string;
  /** Files of the context: path to content. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly args?: readonly string[];
  /** Modules that node loads before the launcher. */
  readonly imports?: readonly string[];
}

export class RunningBuild {
  readonly #child: ChildProcess;
  readonly #receiptFile: string;
  #out = "";
  #log = "";

  private constructor(child: ChildProcess, receiptFile: string) {
    this.#child = child;
    this.#receiptFile = receiptFile;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#out += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
    });
  }

  static async start(order: BuildOrder): Promise<RunningBuild> {
    await mkdir(order.folder, { recursive: true });
    const place = await mkdtemp(join(order.folder, "build-"));
    const context = join(place, "context");
    for (const [path, content] of Object.entries(order.files)) {
      await mkdir(dirname(join(context, path)), { recursive: true });
      await writeFile(join(context, path), content);
    }
    const receiptFile = join(place, "receipt.json");
    const imports = (order.imports ?? []).flatMap((module) => ["--import", module]);
    const flags = ["build", context, "--repo", order.repo, "--progress", "plain", "--receipt-file", receiptFile, ...(order.args ?? [])];
    const child = spawn(process.execPath, [...imports, TRIPLANE, ...flags], {
      cwd: place,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...order.env },
    });
    return new RunningBuild(child, receiptFile);
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get log(): string {
    return this.#log;
  }

  /** Resolves when the log has this; throws with the whole log where the build ended without it. */
  async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#log)) {
      if (this.hasEnded) throw new Error(`the build ended without ${pattern}:\n${this.#log}\n${this.#out}`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async end(): Promise<BuildEnd> {
    if (!this.hasEnded) await once(this.#child, "close");
    const text = await readFile(this.#receiptFile, "utf8").catch(() => undefined);
    return {
      ...{ exitCode: this.#child.exitCode, signal: this.#child.signalCode, out: this.#out, log: this.#log },
      receipt: text === undefined ? undefined : receiptSchema.parse(JSON.parse(text)),
    };
  }
}
