// Starts the vm-pool inside the orchestrator: its provider, its secret, its probe.
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { atomicWriteFile, type DaemonContext, readFileIfThere, readSecretFile } from "@triplane/kit";
import type { Store } from "@triplane/store";
import {
  DEFAULT_SETTINGS,
  POOL_SECRET_BYTES,
  type PoolSettings,
  type Provider,
  poolObserver,
  type RegistryAccessOf,
  type RunnerProbe,
  sshKeyscan,
  VmPool,
} from "@triplane/vm-pool";
import type { OrchestratorConfig } from "../run.ts";
import type { ProviderName } from "./options.ts";

type Context = DaemonContext<OrchestratorConfig>;

/** What the pool gets from outside; tests bring their own. */
export interface Machines {
  readonly provider: Provider;
  /** Unless given, ssh-keyscan. */
  readonly probe?: RunnerProbe;
  readonly registryAccess?: RegistryAccessOf;
}

/** Makes the provider of this name. */
export type OpenMachines = (context: Context, name: ProviderName) => Promise<Machines>;

const PROBE_TIMEOUT_S = 5;

/** Undefined where the configuration names no provider. Throws `config_invalid`, `tool_missing`. */
export async function startPool(context: Context, store: Store, open: OpenMachines): Promise<VmPool | undefined> {
  const { config, clock, random, logger, metrics } = context;
  if (config.vmPoolProvider === undefined) return undefined;
  const { provider, probe, registryAccess } = await open(context, config.vmPoolProvider);
  return await VmPool.start({
    ...{ provider, store, clock, random, settings: settingsOf(config), secret: await secretOf(context) },
    probe: probe ?? sshKeyscan({ path: await keyscanPath(), timeoutS: PROBE_TIMEOUT_S }),
    observer: poolObserver(metrics, logger),
    ...(registryAccess === undefined ? {} : { registryAccess }),
  });
}

function settingsOf(config: OrchestratorConfig): PoolSettings {
  return {
    ...DEFAULT_SETTINGS,
    pool: config.vmPoolName ?? config.workspace,
    limits: {
      leases: config.vmPoolLeases,
      leasesPerTenant: config.vmPoolLeasesPerTenant,
      centsPerTenantMonth: config.vmPoolCentsPerTenantMonth,
    },
    golden: Object.fromEntries(config.vmPoolGolden.map((label) => label.split("=", 2) as [string, string])),
    ...{ heartbeatS: config.vmPoolHeartbeatS, bootWithinS: config.vmPoolBootS, reapEveryS: config.vmPoolReapS },
  };
}

/** Host keys of runners are derived from it: made at the first start, and then kept. */
async function secretOf({ config, random }: Context): Promise<Uint8Array> {
  const file = resolve(config.dataDir, "vm-pool.secret");
  if ((await readFileIfThere(file)) === undefined)
    await atomicWriteFile(file, `${Buffer.from(random.bytes(POOL_SECRET_BYTES)).toString("hex")}\n`);
  const secret = Buffer.from((await readSecretFile(file)).trim(), "hex");
  if (secret.length === POOL_SECRET_BYTES) return new Uint8Array(secret);
  throw new TriplaneError("config_invalid", `${file} does not hold ${POOL_SECRET_BYTES} bytes as hexadecimal digits`, {
    hint: "Remove it where no lease is live: a new one is made.",
  });
}

async function keyscanPath(): Promise<string> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter).filter(isAbsolute)) {
    const path = join(folder, "ssh-keyscan");
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  throw new TriplaneError("tool_missing", "there is no ssh-keyscan on PATH", {
    hint: "The pool asks runners for their host key with it: install OpenSSH's client, for example `apt install openssh-client`.",
  });
}
