// Shells for the commands of a run, one more than may work at a time: while commands work, the shells of the next ones are being started.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SHELL_SCRIPT, ShellStarter, type StarterOptions } from "./shell-starter.ts";

export interface ShellPoolOptions extends Omit<StarterOptions, "script" | "output"> {
  /** Of its own; emptied now, and gone when it is closed. */
  readonly folder: string;
  readonly size: number;
}

export class ShellPool {
  readonly #options: ShellPoolOptions;
  readonly #script: string;
  readonly #all = new Set<ShellStarter>();
  /** The one that has waited longest first: its shell has had the most time to start. */
  readonly #idle: ShellStarter[] = [];
  #made = 0;
  #spare: NodeJS.Immediate | undefined;

  constructor(options: ShellPoolOptions) {
    this.#options = options;
    rmSync(options.folder, { recursive: true, force: true });
    mkdirSync(options.folder, { mode: 0o700 });
    // Bash names it where it finds a command wrong.
    this.#script = join(options.folder, "bash");
    writeFileSync(this.#script, `${SHELL_SCRIPT}\n`, { mode: 0o700 });
  }

  take(): ShellStarter {
    let starter = this.#idle.shift();
    while (starter?.gone) {
      this.drop(starter);
      starter = this.#idle.shift();
    }
    // After whatever has to be done now.
    if (this.#idle.length === 0 && this.#all.size < this.#options.size) this.#spare ??= setImmediate(() => this.#prepare());
    return starter ?? this.#start();
  }

  giveBack(starter: ShellStarter): void {
    this.#idle.push(starter);
  }

  /** For one that must not be used again. */
  drop(starter: ShellStarter): void {
    this.#all.delete(starter);
    starter.close();
  }

  close(): void {
    clearImmediate(this.#spare);
    for (const starter of this.#all) this.drop(starter);
    rmSync(this.#options.folder, { recursive: true, force: true });
  }

  #prepare(): void {
    this.#spare = undefined;
    if (this.#idle.length === 0 && this.#all.size < this.#options.size) this.giveBack(this.#start());
  }

  #start(): ShellStarter {
    const { cwd, env, folder } = this.#options;
    this.#made += 1;
    const starter = new ShellStarter({ cwd, env, script: this.#script, output: join(folder, String(this.#made)) });
    this.#all.add(starter);
    return starter;
  }
}
