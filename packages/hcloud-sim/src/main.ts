// hcloud-sim: configuration, simulator, exit code.
import { readFile } from "node:fs/promises";
import { TriplaneError } from "@triplane/contract";
import { type DaemonSurroundings, type Environment, runDaemon } from "@triplane/kit";
import { z } from "zod";
import { loadBacker, NO_BACKER } from "./backer.ts";
import { CONFIG } from "./config.ts";
import { type Fault, faultsSchema } from "./faults/fault.ts";
import { startSimulator } from "./simulator.ts";
import { readState } from "./state-file.ts";

/** Runs hcloud-sim until it is told to stop; the result is the exit code. */
export function runHcloudSim(
  argv: readonly string[],
  env: Environment,
  surroundings: Omit<DaemonSurroundings, "argv" | "env"> = {},
): Promise<number> {
  return runDaemon(
    {
      name: "hcloud-sim",
      config: CONFIG,
      async start({ config, logger, clock, random }) {
        const {
          faults: faultsFile,
          backer: backerModule,
          stateFile,
          logLevel: _l,
          healthPort: _p,
          healthHost: _h,
          otlpEndpoint: _o,
          ...rest
        } = config;
        const simulator = await startSimulator({
          ...{ ...rest, stateFile, clock, random, logger },
          faults: faultsFile === undefined ? [] : await readFaults(faultsFile),
          state: stateFile === undefined ? undefined : await readState(stateFile),
          backer: backerModule === undefined ? NO_BACKER : await loadBacker(backerModule),
        });
        logger.info({ endpoint: simulator.endpoint, control: simulator.endpoint.replace(/v1$/, "_sim") }, "listening");
        return { done: new Promise<void>(() => undefined), stop: () => simulator.close() };
      },
    },
    { argv, env, ...surroundings },
  );
}

/** Throws `config_invalid` with every problem. */
async function readFaults(path: string): Promise<readonly Fault[]> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new TriplaneError("config_invalid", `--faults ${path}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
  const parsed = faultsSchema.safeParse(value);
  if (!parsed.success) throw new TriplaneError("config_invalid", `--faults ${path}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
