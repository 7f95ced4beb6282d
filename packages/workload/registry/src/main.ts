// registry-gateway as a program: command line to exit code.
import { type DaemonSurroundings, type Environment, runDaemon } from "@triplane/kit";
import { CONFIG } from "./config.ts";
import { startGateway } from "./run.ts";

/** Runs until it is told to stop; the result is the exit code. */
export function runRegistryGateway(
  argv: readonly string[],
  env: Environment,
  surroundings: Omit<DaemonSurroundings, "argv" | "env"> = {},
): Promise<number> {
  return runDaemon({ name: "registry-gateway", config: CONFIG, start: startGateway }, { ...surroundings, argv, env });
}

if (import.meta.main) process.exitCode = await runRegistryGateway(process.argv.slice(2), process.env);
