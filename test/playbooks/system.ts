// A running local workspace on which playbooks are rehearsed, with people who approve what a playbook waits for.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { connectBus } from "@triplane/bus";
import { streamNames } from "@triplane/contract";
import { silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import { triplaneAt } from "../e2e/in-process.ts";
import { type Installation, installation } from "../e2e/installation.ts";
import type { Ran } from "../e2e/program.ts";

export const WORKSPACE = "libre-wuji";
// Given, so that the parameter is used; by the process, so that two runs do not meet.
const [FIRST_PORT, BLOCK, BLOCKS] = [28_000, 40, 90];
const STEP_TIMEOUT_MS = 400_000;
/** For what a test looks at until it is so: often enough that nobody waits for it, and no more. */
export const LOOKS = { timeoutMs: 60_000, intervalMs: 250 } as const;

/** What `playbook run --json` prints, as far as tests look at it. */
export interface Played {
  readonly run: string;
  readonly state: string;
  readonly notYet: readonly { readonly step: string; readonly what: string }[];
  readonly steps: readonly {
    readonly id: string;
    readonly state: string;
    readonly said: readonly Record<string, unknown>[];
    readonly words: string;
  }[];
  readonly confirmations?: { readonly people: readonly string[]; readonly needed: number };
  readonly receipt?: string;
}

export class System implements AsyncDisposable {
  readonly #installed: Installation;

  private constructor(installed: Installation) {
    this.#installed = installed;
  }

  static async open(label: string): Promise<System> {
    return new System(await installation(label));
  }

  get folder(): string {
    return this.#installed.folder;
  }

  get home(): string {
    return join(this.folder, ".triplane");
  }

  /** Runs triplane in the folder; its exit code is for the caller. */
  async try(...args: readonly string[]): Promise<Ran> {
    return await triplaneAt(this.#installed, args, STEP_TIMEOUT_MS);
  }

  /** Runs triplane, which has to succeed; what it printed. */
  async triplane(...args: readonly string[]): Promise<string> {
    const { code, out, err } = await this.try(...args);
    assert.equal(code, 0, `triplane ${args.join(" ")} ended with ${code}:\n${out}\n${err}`);
    return out.trim();
  }

  /** The data that a command prints, whatever its exit code. */
  // biome-ignore lint/suspicious/noExplicitAny: the data of any command.
  async data(...args: readonly string[]): Promise<any> {
    const { out, err } = await this.try(...args, "--json");
    assert.notEqual(out, "", err);
    return JSON.parse(out);
  }

  /** The code with which a command fails. */
  async refusal(...args: readonly string[]): Promise<string> {
    const { code, err } = await this.try(...args, "--json");
    assert.equal(code, 1, err);
    const line =
      err
        .trim()
        .split("\n")
        .findLast((each) => each.startsWith('{"error"')) ?? "{}";
    return JSON.parse(line).error?.code ?? err;
  }

  /** Runs a playbook; whatever it waits for, these people do, exactly as it says. */
  async play(name: string, args: readonly string[], people: readonly string[]): Promise<Played> {
    const { env } = this.#installed;
    const argv = ["playbook", "run", name, "--as", "ana", ...args, "--json"];
    const child = spawn(this.#installed.program("triplane"), argv, { cwd: this.folder, env, stdio: ["ignore", "pipe", "pipe"] });
    const timer = setTimeout(() => child.kill(), STEP_TIMEOUT_MS);
    const output: Buffer[] = [];
    const log: string[] = [];
    child.stdout.on("data", (bytes: Buffer) => output.push(bytes));
    const answers: Promise<void>[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => {
      log.push(line);
      const command = /"run":"triplane ([^"]+)"/.exec(line)?.[1];
      if (command !== undefined) answers.push(this.#everybody(command.split(" "), people));
    });
    await new Promise((resolve) => child.once("close", resolve));
    clearTimeout(timer);
    await Promise.all(answers);
    const text = Buffer.concat(output).toString("utf8");
    assert.notEqual(text, "", `playbook ${name} printed nothing:\n${log.join("\n")}`);
    const played = JSON.parse(text) as Played;
    if (played.state === "failed") assert.fail(`playbook ${name} failed:\n${JSON.stringify(played.steps, null, 1)}\n${log.join("\n")}`);
    return played;
  }

  /** A workspace from nothing, on ports that no other home of this machine is about to choose. */
  async bootstrap(): Promise<Played> {
    const base = FIRST_PORT + BLOCK * (process.pid % BLOCKS);
    return await this.play("bootstrap_initial", ["--param", `port_base=${base}`], []);
  }

  /** A destructive one: asked for, confirmed by two, run. */
  async playConfirmed(name: string, args: readonly string[], confirming: readonly string[], people: readonly string[]): Promise<Played> {
    const asked = await this.play(name, args, []);
    assert.equal(asked.state, "waiting", JSON.stringify(asked.steps));
    for (const who of confirming) await this.triplane("playbook", "confirm", asked.run, "--as", who);
    return await this.play(name, ["--run", asked.run], people);
  }

  async #everybody(command: readonly string[], people: readonly string[]): Promise<void> {
    for (const who of people) await this.try(...command, "--as", who);
  }

  /** An op of a key that the policy does not list has nobody to be answered: its refusal is in the ledger, under the digest of its bytes. */
  async refusesTheUnknown(...as: readonly string[]): Promise<void> {
    const { op } = await this.data("op", "submit", "component.restart", "web", ...as);
    const record = await eventually(
      async () => {
        const { records } = await this.data("ledger", "log", "--count", "100000");
        return records.find(({ subject }: { subject: string }) => subject === op.digest);
      },
      { ...LOOKS, what: `a record of ${op.digest}` },
    );
    assert.equal(record.outcome, "refused");
  }

  /** Everything that a dry run has to leave as it was. */
  async hashes(): Promise<Record<string, unknown>> {
    const [governed, state, files] = await Promise.all([this.data("governance", "status"), this.data("status"), fileHashes(this.home)]);
    return {
      heads: governed.repositories.map((each: { name: string; approved?: { commit: string } }) => [each.name, each.approved?.commit]),
      ledger: state.ledger,
      state: state.state.known?.state_hash,
      streams: await this.#streams(),
      files,
    };
  }

  async #streams(): Promise<unknown> {
    const workspace = JSON.parse(await readFile(join(this.home, "workspace.json"), "utf8"));
    const bus = await connectBus({
      ...{ servers: `nats://127.0.0.1:${workspace.ports.nats}`, workspace: WORKSPACE, identity: { role: "watcher" } as const },
      nkeySeed: (await readFile(join(this.home, "nats/watcher.nk"), "utf8")).trim(),
      ...{ clock: systemClock, random: systemRandom, logger: silentLogger },
    });
    try {
      const { pending, review, cmd, audit, answer } = streamNames(WORKSPACE);
      return await Promise.all([pending, review, cmd, audit, answer].map(async (name) => [name, await bus.streamState(name)]));
    } finally {
      await bus.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.try("down");
    await this.#installed[Symbol.asyncDispose]();
  }
}

/** What daemons write by themselves while nothing happens: logs, their records of one another, the files of databases and streams. */
const ALIVE = /^(?:logs|run|nats\/data|controller|orchestrator\/data|mirror|keeper|desired-sync|governance|validation)(?:\/|$)/;

async function fileHashes(home: string): Promise<Record<string, string>> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  const hashes: Record<string, string> = {};
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(home.length + 1);
    if (!entry.isFile() || ALIVE.test(name)) continue;
    hashes[name] = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  }
  return hashes;
}
