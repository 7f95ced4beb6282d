// What the deployed component buildkit-runner allows: no lease is made beyond it. Without the component, the pool's own limits stand alone.
import { join } from "node:path";
import { type SpawnRequest, TIERS, TriplaneError } from "@triplane/contract";
import { readFileIfThere } from "@triplane/kit";
import { RUNNER_COMPONENT, type RunnerTerms, runnerFileSchema } from "../catalog/buildkit-runner.ts";
import type { PoolOfApp } from "../http/vm-pool.ts";

/** The pool with every request held against the terms in force when it comes. */
export function withinTerms(pool: PoolOfApp, dataDir: string): PoolOfApp {
  return {
    spawn: async (request) => {
      assertWithinTerms(request, await readRunnerTerms(dataDir));
      return await pool.spawn(request);
    },
    lease: (...args) => pool.lease(...args),
    release: (...args) => pool.release(...args),
    heartbeat: (...args) => pool.heartbeat(...args),
    list: () => pool.list(),
    report: (...args) => pool.report(...args),
    sizing: (...args) => pool.sizing(...args),
  };
}

/** Undefined where the component is not deployed. Throws `runner_not_allowed` for settings that are none: nothing is allowed by a file that cannot be read. */
export async function readRunnerTerms(dataDir: string): Promise<RunnerTerms | undefined> {
  const text = await readFileIfThere(join(dataDir, "files", `${RUNNER_COMPONENT}.json`));
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TriplaneError("runner_not_allowed", `the settings of ${RUNNER_COMPONENT} are not JSON`, { cause });
  }
  const parsed = runnerFileSchema.safeParse(value);
  if (parsed.success) return parsed.data.settings;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new TriplaneError("runner_not_allowed", `${RUNNER_COMPONENT}: ${problems.join("; ")}`, { details: { problems } });
}

/** Throws `runner_not_allowed`. */
export function assertWithinTerms(request: Pick<SpawnRequest, "tier" | "ttl_s">, terms: RunnerTerms | undefined): void {
  if (terms === undefined) return;
  const { largest_tier: largest, max_ttl_s: longest } = terms;
  if (TIERS.indexOf(request.tier) > TIERS.indexOf(largest))
    throw new TriplaneError("runner_not_allowed", `${request.tier} was asked for, ${RUNNER_COMPONENT} allows up to ${largest}`);
  if (request.ttl_s > longest)
    throw new TriplaneError("runner_not_allowed", `${request.ttl_s} s were asked for, ${RUNNER_COMPONENT} allows ${longest} s`);
}
