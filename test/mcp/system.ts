// A running workspace whose agent may scale web if two people agree, and clients that are the official SDK's.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { World } from "@triplane/cli";
import { nowSeconds } from "@triplane/contract";
import { readKeyFile, systemClock, systemRandom } from "@triplane/kit";
import { approvedHead, commitFiles, pushHead, readTreeFiles, repositoryDir, setCanonicalRefs } from "@triplane/ledger";
import { triplaneHere } from "../e2e/in-process.ts";
import { ROOT } from "../e2e/installation.ts";
import type { Ran } from "../e2e/program.ts";

const PROGRAM = join(ROOT, "packages/cli/bin/triplane.mjs");
const MAX_POLICY_BYTES = 4 * 1024 * 1024;

/** What the policy says of the agent, in words that are replaced in its files. */
export interface AgentTerms {
  readonly expires?: string;
  readonly budgetOps?: number;
}

export interface System extends AsyncDisposable {
  readonly world: World;
  readonly home: string;
  /** A client whose server is a process of its own, on standard input and output. */
  client(): Promise<StdioClient>;
  /** The CLI, as a person uses it. */
  triplane(...args: readonly string[]): Promise<Ran>;
  /** Approves a new policy, as two operators do. */
  agree(terms: AgentTerms): Promise<void>;
}

export interface StdioClient {
  readonly client: Client;
  /** The server's process. */
  readonly pid: number;
}

/** Planes up, web and kv deployed. */
export async function startSystem(): Promise<System> {
  const world = await World.create({ clock: systemClock, random: systemRandom, signal: new AbortController().signal }, () => undefined);
  const clients: Client[] = [];
  const home = world.layout.root;
  const { TRIPLANE_AS: _as, TRIPLANE_KEY: _key, ...rest } = process.env;
  const env = { ...rest, TRIPLANE_HOME: home };
  const system: System = {
    world,
    home,
    client: async () => {
      const transport = new StdioClientTransport({
        ...{ command: process.execPath, args: [PROGRAM, "mcp", "--as", "scout"], cwd: world.folder, stderr: "ignore" },
        env: Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)),
      });
      const client = new Client({ name: "triplane-test", version: "1" });
      await client.connect(transport);
      clients.push(client);
      return { client, pid: transport.pid ?? 0 };
    },
    triplane: (...args) => triplaneHere(args, { cwd: world.folder, env }),
    agree: (terms) => agree(world, terms),
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) await client.close().catch(() => undefined);
      await world.destroy();
    },
  };
  try {
    await agree(world, {});
    await world.bringUp("workload");
    await world.bringUp("signing");
    for (const component of ["web", "kv"]) {
      const sent = await world.submit("ana", await world.plan("ana", { op: "component.deploy", target: component, args: { component } }));
      await world.outcome("ana", sent.entry.jti, 60_000);
    }
    return system;
  } catch (error) {
    await system[Symbol.asyncDispose]();
    throw error;
  }
}

async function agree({ layout, workspace }: World, { expires, budgetOps = 20 }: AgentTerms): Promise<void> {
  const { policy: pin } = workspace.pins;
  const repo = repositoryDir(layout.storage, pin.rid);
  const { commit: parent } = await approvedHead(repo, pin, { branch: "main", minThreshold: 2 });
  const files = Object.fromEntries(await readTreeFiles(repo, parent, { maxBytes: MAX_POLICY_BYTES }));
  const replace = (file: string, pattern: RegExp, by: string): void => {
    const text = files[file] ?? "";
    if (!pattern.test(text)) throw new Error(`${file} has nothing like ${pattern}`);
    files[file] = text.replace(pattern, by);
  };
  const version = Number(/policy_version = (\d+)/.exec(files["keeper_policy.ncl"] ?? "")?.[1]);
  replace("keeper_policy.ncl", /policy_version = \d+/, `policy_version = ${version + 1}`);
  if (version === 1) {
    replace(
      "keeper_policy.ncl",
      /kinds = \["component.restart"\], targets = \["web\*"\]/,
      'kinds = ["component.restart", "component.scale"], targets = ["web*"]',
    );
    replace(
      "keeper_policy.ncl",
      /review = \[/,
      'review = [\n    { id = "agent-scales", kinds = ["component.scale"], targets = ["web*"], issuers = ["any:agent"], approvals = 2, groups = ["platform"] },',
    );
  }
  replace("principals.ncl", /budget = \{\s*ops = \d+/, `budget = { ops = ${budgetOps}`);
  if (expires !== undefined) replace("principals.ncl", /owner = "ana",/, `owner = "ana", expires = "${expires}",`);
  else files["principals.ncl"] = (files["principals.ncl"] ?? "").replace(/ expires = "[^"]*",/, "");
  const keys = await Promise.all(["ana", "ben"].map((name) => readKeyFile(layout.keyFile(name))));
  const [author] = keys;
  if (author === undefined) throw new Error("there is no operator");
  const commit = await commitFiles({ repo, key: author, parent, files, message: "The agent's terms", timeS: nowSeconds(systemClock) });
  for (const key of keys) await pushHead({ repo, key, branch: "main", commit, clock: systemClock });
  await setCanonicalRefs(repo, "main", commit);
}

export interface HttpServer extends AsyncDisposable {
  readonly url: URL;
  readonly token: string;
}

/** `triplane mcp --http 0`, and what it says of itself. */
export async function startHttp(system: System, readToken: (file: string) => Promise<string>): Promise<HttpServer> {
  const child = spawn(process.execPath, [PROGRAM, "mcp", "--as", "scout", "--http", "0", "--home", system.home], {
    ...{ cwd: system.world.folder, stdio: ["ignore", "ignore", "pipe"] },
  });
  const stop = async (): Promise<void> => await stopped(child);
  const said: string[] = [];
  try {
    for await (const line of createInterface({ input: child.stderr })) {
      said.push(line);
      const file = /^token in (.+)$/.exec(line)?.[1];
      if (file === undefined) continue;
      const url = / on (http:\S+)/.exec(said.join("\n"))?.[1];
      if (url === undefined) break;
      child.stderr.resume();
      return { url: new URL(url), token: await readToken(file), [Symbol.asyncDispose]: stop };
    }
    throw new Error(`the server did not start: ${said.join("\n")}`);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  await gone;
}

/** What a tool answered: its data, or `{ error }`. */
export async function ask(client: Client, name: string, args: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  const { structuredContent, isError, content } = await client.callTool({ name, arguments: args }, undefined, { timeout: 120_000 });
  if (isError !== true) return { ...(structuredContent as Record<string, unknown>), isError: false };
  const [text] = content as { text: string }[];
  return { ...(JSON.parse(text?.text ?? "{}") as Record<string, unknown>), isError: true };
}
