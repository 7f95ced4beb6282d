// What to check, and where it is found: everything comes from a home's workspace.json, or piece by piece from the caller.
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { InvariantId } from "@triplane/contract";
import { z } from "zod";
import type { Pin } from "./git/governed.ts";
import type { NatsSource } from "./sources/nats-api.ts";
import type { OutboxSource } from "./sources/outboxes.ts";
import { daemonConfigs, type ProcessSource } from "./sources/processes.ts";
import type { VerifierSource } from "./sources/rerun.ts";
import type { StoreSource } from "./sources/rows.ts";

/** Where the state of a workspace lies. What is left out is not checkable, and said so. */
export interface Sources {
  readonly workspace: string;
  readonly pins: { readonly policy: Pin; readonly state: Pin; readonly controller: string };
  /** Bare repositories. */
  readonly policyRepo: string;
  readonly stateRepo: string;
  readonly nats?: NatsSource;
  readonly controllerStore?: StoreSource;
  readonly orchestratorStore?: StoreSource;
  readonly outboxes: readonly OutboxSource[];
  readonly processes?: ProcessSource;
  /** Ports that the controller may be connected with. */
  readonly ports?: { readonly nats: number; readonly orchestrator: number };
  /** Journal of the driver `'File`. */
  readonly effects?: string;
  /** Folder of what the mirror set aside. */
  readonly aside?: string;
  /** Folder of local runners: the list of the pool's provider. */
  readonly runnersDir?: string;
}

export interface CheckOptions {
  /** Folder of a local workspace, or the places themselves. */
  readonly home?: string;
  readonly sources?: Sources;
  readonly only?: readonly InvariantId[];
  /** Nothing may be on its way any more: what still is counts as a violation. Reviews that wait for people do not. */
  readonly quiesced?: boolean;
  /** The product's `triplane`, as argv, to be run again elsewhere in time (`time-is-an-input`). */
  readonly triplane?: readonly [string, ...string[]];
  /** The program `nickel`; found on PATH unless given. */
  readonly nickel?: string;
}

const pin = z.object({ rid: z.string(), identityRoot: z.string() });
const workspaceFile = z.object({
  workspace: z.string(),
  pins: z.object({ policy: pin, state: pin, controller: z.string() }),
  ports: z.object({ nats: z.int(), orchestrator: z.int(), controllerHealth: z.int() }),
});

/** Everything of a local workspace. Throws where the folder holds none. */
export async function sourcesOfHome(folder: string): Promise<Sources> {
  const home = resolve(folder);
  const at = (...parts: readonly string[]) => join(home, ...parts);
  const { workspace, pins, ports } = workspaceFile.parse(JSON.parse(await readFile(at("workspace.json"), "utf8")));
  const seed = await readFile(at("nats", "provisioner.nk"), "utf8").catch(() => undefined);
  const principals = await readdir(at("outbox")).catch(() => []);
  const repository = ({ rid }: Pin) => at("storage", rid.slice("rad:".length));
  return {
    workspace,
    pins,
    policyRepo: repository(pins.policy),
    stateRepo: repository(pins.state),
    ...(seed === undefined ? {} : { nats: { url: `nats://127.0.0.1:${ports.nats}`, nkeySeed: seed, inboxPrefix: "_INBOX_provisioner" } }),
    controllerStore: { kind: "embedded", path: at("controller", "store"), socket: at("controller", "export.sock") },
    orchestratorStore: {
      kind: "embedded",
      path: at("orchestrator", "data", "store"),
      socket: at("orchestrator", "data", "export.sock"),
    },
    outboxes: principals.sort().map((principal) => ({ principal, folder: at("outbox", principal) })),
    processes: { home, daemons: daemonConfigs(home), controllerHealthUrl: `http://127.0.0.1:${ports.controllerHealth}/healthz` },
    ports: { nats: ports.nats, orchestrator: ports.orchestrator },
    effects: at("orchestrator", "data", "files", "effects.jsonl"),
    aside: at("mirror", "aside"),
    ...(await runnersOf(at("orchestrator", "config.json"))),
  };
}

/** Where the orchestrator's configuration says that its runners lie on this machine. */
async function runnersOf(configFile: string): Promise<Pick<Sources, "runnersDir">> {
  const text = await readFile(configFile, "utf8").catch(() => "{}");
  const parsed = z.object({ vmPoolProvider: z.literal("local"), localRunnersDir: z.string() }).safeParse(JSON.parse(text));
  return parsed.success ? { runnersDir: parsed.data.localRunnersDir } : {};
}

export function verifierOf(options: CheckOptions): VerifierSource | undefined {
  const { triplane, home } = options;
  return triplane === undefined || home === undefined ? undefined : { argv: triplane, home: resolve(home) };
}
