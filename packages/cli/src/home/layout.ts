// Where everything lies in the home folder of a local workspace. Nothing else spells these paths.
import { join, resolve } from "node:path";

/** The home that commands use: `--home`, else TRIPLANE_HOME, else `./.triplane`. */
export function homeFolder(flag: string | undefined, env: Readonly<Record<string, string | undefined>>, cwd: string): string {
  return resolve(cwd, flag ?? env["TRIPLANE_HOME"] ?? ".triplane");
}

export interface HomeLayout {
  readonly root: string;
  readonly workspaceFile: string;
  /** Of a home that only governs: its key, pins and remotes. */
  readonly governanceFile: string;
  /** What was seen of the governed repositories. */
  readonly governanceMemory: string;
  readonly keys: string;
  readonly keyFile: (name: string) => string;
  /** The controller's key before this one, until it has handed the ledger over. */
  readonly formerControllerKey: string;
  readonly nats: string;
  readonly natsConfig: string;
  readonly natsData: string;
  /** nkey seed of an identity on the bus. */
  readonly natsSeed: (identity: string) => string;
  /** Bare repositories in Radicle's layout. */
  readonly storage: string;
  readonly orchestrator: string;
  readonly controller: string;
  readonly keeper: string;
  readonly mirror: string;
  readonly desiredSync: string;
  /** RAD_HOME of the seed that serves this home's storage, where there is one. */
  readonly seed: string;
  readonly seedSocket: string;
  /** Admissions that broke the glass, as they were signed here. */
  readonly brokenGlass: string;
  readonly outbox: (principal: string) => string;
  /** What validations found, and what the validator saw of the repositories. */
  readonly validation: string;
  readonly validationMemory: string;
  /** What belongs to this system beside the workspace: addresses, providers. Written by people. */
  readonly validationFile: string;
  readonly run: string;
  readonly logs: string;
  /** Runs of modes. */
  readonly runs: string;
  readonly tokens: string;
  readonly tokenFile: (caller: string) => string;
  /** Digests of all tokens, for the orchestrator. */
  readonly tokensFile: string;
}

export function homeLayout(root: string): HomeLayout {
  const at = (...parts: readonly string[]) => join(root, ...parts);
  return {
    root,
    workspaceFile: at("workspace.json"),
    governanceFile: at("governance.json"),
    governanceMemory: at("governance", "memory.json"),
    keys: at("keys"),
    keyFile: (name) => at("keys", `${name}.json`),
    formerControllerKey: at("keys", "controller-former.json"),
    nats: at("nats"),
    natsConfig: at("nats", "server.conf"),
    natsData: at("nats", "data"),
    natsSeed: (identity) => at("nats", `${identity}.nk`),
    storage: at("storage"),
    orchestrator: at("orchestrator"),
    controller: at("controller"),
    keeper: at("keeper"),
    mirror: at("mirror"),
    desiredSync: at("desired-sync"),
    seed: at("seed"),
    seedSocket: at("seed", "node", "control.sock"),
    brokenGlass: at("break-glass"),
    outbox: (principal) => at("outbox", principal),
    validation: at("validation"),
    validationMemory: at("validation", "memory.json"),
    validationFile: at("validation.json"),
    run: at("run"),
    logs: at("logs"),
    runs: at("ontoref", "runs"),
    tokens: at("tokens"),
    tokenFile: (caller) => at("tokens", caller),
    tokensFile: at("orchestrator", "tokens.json"),
  };
}

/** The repository that this program lies in: where provisioning/ is read from. */
export const PRODUCT_ROOT = resolve(import.meta.dirname, "../../../..");
