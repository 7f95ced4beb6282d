// triplane seed run: a Radicle node that replicates the workspace's repositories, in the foreground.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, dirname, join, resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { findTool, freePort, sleep } from "@triplane/kit";
import { peerOf } from "@triplane/radicle";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { integer, list, text } from "../../framework/parameters.ts";
import { homeOption, openHome } from "../home-option.ts";

const POLL_MS = 200;
const DEFAULT_PORT = "8776";

export const seedRun = defineCommand({
  description:
    "Runs the catalog's radicle-seed: a Radicle node that knows the peers it is given and dials nobody else. It replicates the policy, the desired state and the ledger with the signed refs of everybody, announces what moves in its storage, and fetches what it missed while it was away. Needs rad and radicle-node (`triplane doctor`).\n\nThe node's key is made in FOLDER on the first start. It signs gossip only and votes nowhere.",
  args: z.strictObject({ folder: text("FOLDER", "Folder of the seed, its RAD_HOME") }),
  options: z.strictObject({
    host: text("HOST", "Address to listen on").default("127.0.0.1"),
    port: integer("PORT", "Port to listen on", { min: 1, max: 65_535 }).default(Number(DEFAULT_PORT)),
    external: text("HOST:PORT", "Where others reach it, told to its peers").optional(),
    peer: list("NID@HOST:PORT", "A seed to stay connected to; may be given several times"),
    storage: text("DIR", "Serve this storage, which others write, instead of one of its own").optional(),
    alias: text("NAME", "Name that other nodes show").default("seed"),
    healthPort: integer("PORT", "Port on loopback that answers GET /healthz (default: a free one)", { min: 1, max: 65_535 }).optional(),
    home: homeOption,
  }),
  jsonLines: true,
  examples: [
    { command: "triplane seed run .triplane/seed --storage .triplane/storage", what: "the workspace's own seed, until Ctrl-C" },
    { command: "triplane seed run ./ci --port 8777 --peer z6Mk…@127.0.0.1:8776", what: "a second one, with a storage of its own" },
  ],
  run: async ({ args, options }, context) => {
    const { workspace } = await openHome(options.home, context);
    const folder = resolve(context.cwd, args.folder);
    for (const peer of options.peer) peerOf(peer);
    const [rad, node] = [await findTool("rad", context.env), await findTool("radicle-node", context.env)];
    const healthPort = options.healthPort ?? (await freePort());
    const { policy, desired, state } = workspace.pins;
    const values = {
      rad: rad.path,
      "radicle-node": node.path,
      home: folder,
      host: options.host,
      port: options.port,
      "health-port": healthPort,
      external: options.external ?? "",
      alias: options.alias,
      repositories: [policy.rid, desired.rid, state.rid].join(","),
      peers: options.peer.join(","),
      storage: options.storage === undefined ? "" : resolve(context.cwd, options.storage),
    };
    const program = join(workspace.catalog, "radicle-seed", "seed.mjs");
    const child = spawn(process.execPath, [program, ...Object.entries(values).map(([name, value]) => `--${name}=${value}`)], {
      env: { PATH: [dirname(rad.path), context.env["PATH"] ?? ""].join(delimiter) },
      stdio: ["ignore", 2, 2],
    });
    const ended = once(child, "exit");
    const stop = (): void => void child.kill("SIGTERM");
    context.signal.addEventListener("abort", stop, { once: true });
    const nid = await ready(child, healthPort);
    if (nid !== undefined) {
      const address = `${nid}@${options.external ?? `${options.host}:${options.port}`}`;
      context.emit(
        { type: "ready", nid, address, folder, healthPort },
        `ready: ${address}\nhealth: http://127.0.0.1:${healthPort}/healthz`,
      );
    }
    const [exitCode] = await ended;
    if (!context.signal.aborted) throw new TriplaneError("unavailable", `the seed ended by itself (${exitCode}); what it said is above`);
    return { folder, stopped: true };
  },
  render: () => "The seed is stopped.",
});

/** The node's id once it answers; undefined where the process ended first. */
async function ready(child: ChildProcess, healthPort: number): Promise<string | undefined> {
  while (child.exitCode === null && child.signalCode === null) {
    const answer = await fetch(`http://127.0.0.1:${healthPort}/healthz`).catch(() => undefined);
    if (answer?.ok === true) return z.object({ nid: z.string() }).parse(await answer.json()).nid;
    await answer?.body?.cancel();
    await sleep(POLL_MS);
  }
  return undefined;
}
