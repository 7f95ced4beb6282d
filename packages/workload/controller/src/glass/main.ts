// One op that broke the glass, applied with a controller's own configuration in place of that controller.
import { type Clock, type Random, TriplaneError } from "@triplane/contract";
import { createMetrics, type Environment, type Logger, readKeyFile, resolveConfig } from "@triplane/kit";
import { exportSocketOf } from "@triplane/store";
import { orchestratorOverHttp } from "../adapters/orchestrator-http.ts";
import { policyRepository } from "../adapters/policy-repo.ts";
import { CONFIG } from "../config.ts";
import { controllerMetrics } from "../metrics.ts";
import { openControllerDatabase } from "../replay/open.ts";
import { type AppliedHere, applyHere } from "./apply-here.ts";

const REQUEST_TIMEOUT_MS = 30_000;

export interface GlassHere {
  readonly compact: string;
  /** The controller's configuration file. */
  readonly configFile: string;
  readonly env: Environment;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** Throws `config_invalid`, `store_locked` while a controller runs on the database, and what `applyHere` throws. */
export async function applyGlassHere(here: GlassHere): Promise<AppliedHere> {
  const { compact, configFile, env, ...rest } = here;
  const config = await resolveConfig(CONFIG, { argv: ["--config", configFile], env });
  const { workspace, policyRid, policyIdentityRoot: identityRoot } = config;
  if (exportSocketOf(config.storeUrl) === undefined)
    throw new TriplaneError("break_glass_impossible", "the database is a server: no lock of it proves that no controller works on it");
  const key = await readKeyFile(config.keyFile);
  const store = await openControllerDatabase(config.storeUrl);
  try {
    const { orchestratorUrl: baseUrl, orchestratorToken: token } = config;
    return await applyHere(compact, {
      ...{ ...rest, workspace, policyRid, key, store, metrics: controllerMetrics(createMetrics({ name: "ops-controller" })) },
      source: policyRepository(config.policyRepo, { rid: policyRid, identityRoot }, config.policyThreshold),
      orchestrator: orchestratorOverHttp({ baseUrl, workspace, token, timeoutMs: REQUEST_TIMEOUT_MS }),
    });
  } finally {
    await store.close();
  }
}
