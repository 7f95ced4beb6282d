// What stands behind a server that is only pretended: nothing, or a machine that somebody's module starts.
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { TriplaneError } from "@triplane/contract";

/** A server as a backer sees it. */
export interface BackedServer {
  readonly id: number;
  readonly name: string;
  /** Name of the server type, and what it has. */
  readonly serverType: string;
  readonly cores: number;
  readonly memoryMib: number;
  readonly location: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Id, and labels where it is a snapshot. */
  readonly image: { readonly id: number; readonly labels: Readonly<Record<string, string>> };
  /** OpenSSH, one line each: the `ssh_keys` that the server was created with. */
  readonly authorizedKeys: readonly string[];
}

/** What became of a start. */
export interface Backed {
  /** The server gets this address. */
  readonly ipv4?: string;
  /** Resolves when the machine has switched itself off: the server is `off` then. */
  readonly ended?: Promise<void>;
}

/** Starts something real behind servers. Calls for one server never overlap. */
export interface Backer {
  /** Resolves when the machine is under way. A rejection is the failure of the server's action. */
  start(server: BackedServer, userData: string, signal: AbortSignal): Promise<Backed>;
  /** Ends it and removes everything; also for a server that was never started. */
  stop(server: Pick<BackedServer, "id" | "name">): Promise<void>;
  /** Called once when the simulator ends. */
  close?(): Promise<void>;
}

/** Nothing is started. */
export const NO_BACKER: Backer = { start: async () => ({}), stop: async () => undefined };

/** The `backer` (or default) export of an ES module; a function there is called to make it. Throws `config_invalid`. */
export async function loadBacker(module: string): Promise<Backer> {
  const specifier = isAbsolute(module) || module.startsWith(".") ? pathToFileURL(resolve(module)).href : module;
  let exports: { readonly backer?: unknown; readonly default?: unknown };
  try {
    exports = await import(specifier);
  } catch (error) {
    throw new TriplaneError("config_invalid", `--backer ${module} cannot be loaded: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
  const exported = exports.backer ?? exports.default;
  const backer: unknown = typeof exported === "function" ? await exported() : exported;
  if (!isBacker(backer))
    throw new TriplaneError(
      "config_invalid",
      `--backer ${module} exports no backer: an object with start(server, userData, signal) and stop(server)`,
    );
  return backer;
}

function isBacker(value: unknown): value is Backer {
  return (
    typeof value === "object" &&
    value !== null &&
    "start" in value &&
    typeof value.start === "function" &&
    "stop" in value &&
    typeof value.stop === "function"
  );
}
