// One program of the build plane: started with what it says in a file, asked until it is ready, ended with its process.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { TriplaneError } from "@triplane/contract";
import { sleep } from "@triplane/kit";

export interface ProgramSpec {
  readonly name: string;
  /** The program and its arguments; never a shell. */
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly log: string;
  /** A throw is a no. */
  ready(): Promise<boolean>;
}

const READY_MS = 120_000;
const ASK_EVERY_MS = 100;
const GRACE_MS = 30_000;
const TAIL_CHARS = 2000;

export class Program implements AsyncDisposable {
  readonly #spec: ProgramSpec;
  #child: ChildProcess;

  private constructor(spec: ProgramSpec, child: ChildProcess) {
    this.#spec = spec;
    this.#child = child;
  }

  /** Resolves when it is ready. Throws `start_failed` with the end of what it said. */
  static async start(spec: ProgramSpec, signal?: AbortSignal): Promise<Program> {
    const program = new Program(spec, await launch(spec));
    await program.#untilReady(signal);
    return program;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** What it has said so far. */
  async said(): Promise<string> {
    return await readFile(this.#spec.log, "utf8").catch(() => "");
  }

  /** As a power switch would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Resolves when it ended by itself, or by an order. */
  async ended(): Promise<void> {
    if (!this.hasEnded) await once(this.#child, "exit");
  }

  /** Ends it if it runs, and starts it as it was, or with other arguments. */
  async restart(change: Partial<Pick<ProgramSpec, "argv" | "env">> = {}): Promise<void> {
    await this.stop();
    this.#child = await launch({ ...this.#spec, ...change });
    await this.#untilReady();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.hasEnded) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGCONT");
    this.#child.kill(signal);
    const late = setTimeout(() => this.#child.kill("SIGKILL"), GRACE_MS);
    await gone;
    clearTimeout(late);
  }

  async #untilReady(signal?: AbortSignal): Promise<void> {
    const giveUpMs = performance.now() + READY_MS;
    for (;;) {
      if (await this.#spec.ready().catch(() => false)) return;
      const why = this.hasEnded ? `ended with ${this.#child.exitCode ?? this.#child.signalCode}` : this.#whyGiveUp(giveUpMs, signal);
      if (why !== undefined) {
        await this.kill();
        throw new TriplaneError("start_failed", `${this.#spec.name} ${why}: ${(await this.said()).trim().slice(-TAIL_CHARS)}`);
      }
      await sleep(ASK_EVERY_MS, signal).catch(() => undefined);
    }
  }

  #whyGiveUp(giveUpMs: number, signal?: AbortSignal): string | undefined {
    if (signal?.aborted === true) return "was told to stop";
    return performance.now() > giveUpMs ? `was not ready within ${READY_MS / 1000} s` : undefined;
  }
}

async function launch({ argv, env, log }: ProgramSpec): Promise<ChildProcess> {
  const file = await open(log, "a", 0o600);
  try {
    const [program, ...rest] = argv;
    const child = spawn(program, rest, { stdio: ["ignore", file.fd, file.fd], env: { ...process.env, ...env } });
    // Its end says the same.
    child.on("error", () => undefined);
    return child;
  } finally {
    await file.close();
  }
}
