// The orchestrator as a program: command line to exit code.
import { type DaemonSurroundings, type Environment, runDaemon } from "@triplane/kit";
import { CONFIG } from "./config.ts";

export { CONFIG } from "./config.ts";

/** Runs until it is told to stop; the result is the exit code. */
export function runOrchestrator(
  argv: readonly string[],
  env: Environment,
  surroundings: Omit<DaemonSurroundings, "argv" | "env"> = {},
): Promise<number> {
  return runDaemon(
    {
      name: "orchestrator",
      config: CONFIG,
      // Loaded when it runs: a person's command imports this room for its schemas, and starts without the database, the web server and the drivers.
      async start(context) {
        const { startOrchestrator, stopComponents } = await import("./run.ts");
        return await (context.config.stopAll ? stopComponents(context) : startOrchestrator(context));
      },
    },
    { ...surroundings, argv, env },
  );
}

if (import.meta.main) process.exitCode = await runOrchestrator(process.argv.slice(2), process.env);
