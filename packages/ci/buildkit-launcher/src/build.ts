// One build from its settings to its receipt: gather, plan, run.

import { resolve } from "node:path";
import type { Clock, Lease, Random } from "@triplane/contract";
import { atomicWriteFile, type Environment, sleep } from "@triplane/kit/options";
import { type HttpPoolClient, poolClient } from "./adapters/pool-client.ts";
import { connectRunner } from "./adapters/ssh-runner.ts";
import { type BuildKeys, makeKeys } from "./adapters/ssh-session.ts";
import type { BuildSettings } from "./config.ts";
import { type Gathered, gather } from "./gather.ts";
import type { BuildLog } from "./log/build-log.ts";
import { type BuildPlan, planBuild } from "./plan/build-plan.ts";
import { StepBook } from "./progress/step-book.ts";
import { type Receipt, receiptOf } from "./receipt/receipt.ts";
import type { RunPorts } from "./run/ports.ts";
import { type RunReport, runBuild } from "./run/run-build.ts";
import { redactor } from "./secrets/redactor.ts";

export interface BuildSurroundings {
  readonly cwd: string;
  readonly env: Environment;
  readonly clock: Clock;
  readonly random: Random;
  /** Fires when the build is to stop. */
  readonly signal: AbortSignal;
  readonly log: BuildLog;
  /** Name of the signal that made it stop, once there was one. */
  stoppedBy(): string | undefined;
}

/** How often the pool is asked whether the machine is there. */
const POLL_MS = 250;

export interface PreparedBuild {
  readonly plan: BuildPlan;
  readonly gathered: Gathered;
  readonly pool: HttpPoolClient;
}

/** Throws what is wrong with the settings or the context, and `unavailable` where the pool is needed for the size and does not answer. */
export async function prepareBuild(
  settings: BuildSettings,
  { cwd, env, random }: Pick<BuildSurroundings, "cwd" | "env" | "random">,
): Promise<PreparedBuild> {
  const gathered = await gather(settings, cwd, env);
  const pool = poolClient({ url: settings.orchestratorUrl, token: settings.token });
  const { repo, target, platforms, buildId } = settings;
  const key = { repo, target, platform: platforms[0] ?? "linux/amd64" };
  const sizing = gathered.spec?.tier === undefined ? await pool.sizing({ ...key, language: gathered.language }) : undefined;
  const plan = planBuild(settings, gathered, sizing, buildId ?? `b-${Buffer.from(random.bytes(12)).toString("hex")}`);
  return { plan, gathered, pool };
}

/** Runs what was planned. Throws only where no lease was asked for yet. */
export async function performBuild(prepared: PreparedBuild, settings: BuildSettings, surroundings: BuildSurroundings): Promise<Receipt> {
  const { plan } = prepared;
  const { log, cwd, signal } = surroundings;
  await using keys = await makeKeys();
  let reports: readonly RunReport[];
  try {
    const spawn = {
      ...{ repo: plan.repo, target: plan.target, platform: plan.platforms[0] ?? "linux/amd64", build_id: plan.build_id },
      ...{ ttl_s: plan.ttl_s, tenant: plan.tenant, ssh_public_key: keys.publicKey },
      ...(settings.mayPull.length === 0 ? {} : { may_pull: [...settings.mayPull] }),
    };
    const request = { spawn, tier: plan.size.tier, readyTimeoutMs: settings.readyTimeoutS * 1000, pollMs: POLL_MS };
    reports = await runBuild(request, portsOf(prepared, settings, surroundings, keys), signal);
  } finally {
    log.close();
  }
  const receipt = receiptOf(plan, reports, surroundings.stoppedBy());
  if (settings.receiptFile !== undefined)
    await atomicWriteFile(resolve(cwd, settings.receiptFile), `${JSON.stringify(receipt, null, 2)}\n`);
  return receipt;
}

function portsOf(
  { plan, gathered, pool }: PreparedBuild,
  settings: BuildSettings,
  { clock, log }: BuildSurroundings,
  keys: BuildKeys,
): RunPorts {
  const connect = async (lease: Lease, signal: AbortSignal) => {
    const hidden: (string | Uint8Array)[] = gathered.secrets.map(({ value }) => value);
    let redact = redactor(hidden);
    const book = new StepBook((text) => redact(text));
    const job = {
      ...{ contextFolder: gathered.contextFolder, rules: gathered.rules, dockerfile: gathered.dockerfile },
      ...{ dockerfileIgnore: gathered.dockerfileIgnore, secrets: gathered.secrets, registry: settings.registry },
      plan: {
        ...{ repo: plan.repo, tags: settings.tags, target: plan.target, platforms: plan.platforms },
        ...{ buildArgs: gathered.buildArgs, cacheKey: plan.cache_key },
      },
      onLine: (line: string) => log.events(book.take(line), book),
      sums: () => {
        log.events(book.finish(), book);
        return book.sums();
      },
      hide: (secret: string) => {
        hidden.push(secret);
        redact = redactor(hidden);
      },
    };
    log.note(`the runner ${lease.lease_id} is ready: ${lease.tier}${lease.server_type === undefined ? "" : ` (${lease.server_type})`}`);
    return await connectRunner(lease, keys, job, signal);
  };
  return { pool, connect, clock, sleep, log: (line) => log.note(line) };
}
