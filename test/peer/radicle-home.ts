// A person's or a machine's Radicle: a RAD_HOME with a key, `rad` and `git` that use it, and a node.
//
// 1. Nothing of the machine's own git or Radicle settings reaches the programs, and no node knows a peer but those it is told.
// 2. A node is ended by its process, and never outlives the test.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile, rmdir, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { SigningKey } from "@triplane/contract";
import { freePort } from "@triplane/kit";
import { nodeConfiguration, nodeId } from "@triplane/radicle";
import { eventually } from "@triplane/testkit";
import { type Ran, run } from "../e2e/program.ts";
import type { Programs } from "./programs.ts";

export interface HomeOptions {
  readonly programs: Programs;
  /** RAD_HOME; made here. Short: the node's socket lies in it. */
  readonly folder: string;
  readonly key: SigningKey;
  readonly alias: string;
  /** `NID@HOST:PORT` of peers. */
  readonly connect?: readonly string[];
  /** Storage that several people of one test share, as if they had replicated it. */
  readonly storage?: string;
  /** What all dates are, in seconds since 1970; undefined = the clock's. */
  readonly timeS?: number;
}

export interface RadicleHome extends AsyncDisposable {
  readonly folder: string;
  readonly alias: string;
  readonly key: SigningKey;
  readonly nid: string;
  readonly storage: string;
  readonly socket: string;
  /** `NID@127.0.0.1:PORT`, once the node was started. */
  readonly address: string;
  /** Runs rad; throws what it said unless it exits with 0. */
  rad(args: readonly string[], cwd?: string): Promise<string>;
  /** As `rad`, whatever the exit code. */
  tryRad(args: readonly string[], cwd?: string): Promise<Ran>;
  /** Runs git as this person; throws what it said unless it exits with 0. */
  git(args: readonly string[], cwd: string): Promise<string>;
  tryGit(args: readonly string[], cwd: string): Promise<Ran>;
  startNode(): Promise<void>;
  stopNode(): Promise<void>;
}

export async function radicleHome(options: HomeOptions): Promise<RadicleHome> {
  const { programs, folder, key, alias } = options;
  await mkdir(folder, { recursive: true });
  const env = environment(options);
  const port = await freePort();
  const socket = join(folder, "node", "control.sock");
  const nid = key.did.slice("did:key:".length);
  let node: ChildProcess | undefined;

  const ran = async (program: string, args: readonly string[], cwd: string): Promise<Ran> => run(program, args, { cwd, env });
  const must = async (program: string, args: readonly string[], cwd: string): Promise<string> => {
    const { code, out, err } = await ran(program, args, cwd);
    if (code !== 0) throw new Error(`${alias}: ${program} ${args.join(" ")} ended with ${code}:\n${out}${err}`);
    return out;
  };
  const stopNode = async (): Promise<void> => {
    if (node === undefined || node.exitCode !== null || node.signalCode !== null) return;
    const gone = once(node, "exit");
    node.kill("SIGTERM");
    const timer = setTimeout(() => node?.kill("SIGKILL"), 5_000);
    await gone;
    clearTimeout(timer);
  };

  const seeded = { ...env, RAD_KEYGEN_SEED: Buffer.from(key.seed).toString("hex") };
  const auth = await run(programs.rad, ["auth", "--alias", alias], { cwd: folder, env: seeded });
  if (auth.code !== 0) throw new Error(`rad auth ended with ${auth.code}:\n${auth.out}${auth.err}`);
  const listen = [`127.0.0.1:${port}`];
  const config = nodeConfiguration({ alias, listen, externalAddresses: listen, connect: options.connect ?? [] });
  await writeFile(join(folder, "config.json"), JSON.stringify(config));

  if (options.storage !== undefined) {
    await rmdir(join(folder, "storage"));
    await symlink(options.storage, join(folder, "storage"));
  }

  return {
    folder,
    alias,
    key,
    nid,
    storage: join(folder, "storage"),
    socket,
    address: `${nid}@127.0.0.1:${port}`,
    rad: (args, cwd = folder) => must(programs.rad, args, cwd),
    tryRad: (args, cwd = folder) => ran(programs.rad, args, cwd),
    git: (args, cwd) => must("git", args, cwd),
    tryGit: (args, cwd) => ran("git", args, cwd),
    stopNode,
    async startNode() {
      const log = await open(join(folder, "node.log"), "a");
      node = spawn(programs.node, ["--force"], { cwd: folder, env, stdio: ["ignore", log.fd, log.fd] });
      await log.close();
      const child = node;
      await eventually(
        async () => {
          if (child.exitCode !== null) throw new Error(await readFile(join(folder, "node.log"), "utf8"));
          return (await nodeId(socket, { deadlineMs: 1_000 })) === nid;
        },
        { timeoutMs: 20_000, what: `the node of ${alias}` },
      );
    },
    [Symbol.asyncDispose]: stopNode,
  };
}

function environment({ programs, folder, alias, timeS }: HomeOptions): NodeJS.ProcessEnv {
  const who = { GIT_AUTHOR_NAME: alias, GIT_AUTHOR_EMAIL: `${alias}@example.org` };
  const fixed = timeS === undefined ? {} : { RAD_LOCAL_TIME: `${timeS}`, RAD_COMMIT_TIME: `${timeS}`, GIT_COMMITTER_DATE: `${timeS}` };
  return {
    PATH: [programs.path, process.env["PATH"] ?? ""].join(delimiter),
    HOME: folder,
    RAD_HOME: folder,
    RAD_PASSPHRASE: "",
    RAD_HINT: "0",
    EDITOR: "true",
    NO_COLOR: "1",
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    ...who,
    GIT_COMMITTER_NAME: who.GIT_AUTHOR_NAME,
    GIT_COMMITTER_EMAIL: who.GIT_AUTHOR_EMAIL,
    ...fixed,
  };
}
