// Runs a program in this process: signals, broken pipes, exit code.
import { EXIT_FAILED, type Program, printFailure, runShell, type Streams } from "./framework/shell.ts";

export async function runProgram(program: Program): Promise<void> {
  const streams: Streams = { out: (text) => void process.stdout.write(text), err: (text) => void process.stderr.write(text) };
  const stopping = new AbortController();
  let asked = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      asked += 1;
      // The first one lets a command clean up; whoever insists gets out at once.
      if (asked > 2) process.exit(EXIT_FAILED);
      stopping.abort();
    });
  }
  // A reader that went away (`| head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : EXIT_FAILED));
  try {
    process.exitCode = await runShell(program, process.argv.slice(2), streams, async (json) => {
      const { processContext } = await import("./framework/context.ts");
      return processContext(json, streams, stopping.signal);
    });
  } catch (thrown) {
    const { toTriplaneError } = await import("@triplane/contract");
    await printFailure(toTriplaneError(thrown), false, streams);
    process.exitCode = EXIT_FAILED;
  }
}
