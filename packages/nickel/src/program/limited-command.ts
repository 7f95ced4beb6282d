// A command line under limits of the operating system: what a Nickel program computes may not take the machine.
import { accessSync, constants } from "node:fs";

export interface ProcessLimits {
  /** Address space. The program needs about 100 MiB of it before it does anything. */
  readonly maxMemoryBytes: number;
  /** Processor time. */
  readonly maxCpuSeconds: number;
}

const PRLIMIT = ["/usr/bin/prlimit", "/bin/prlimit"] as const;
const SHELL = "/bin/sh";
/** Its text is fixed; what varies are its positional arguments. macOS has no limit of the address space: there the others hold. */
const LIMITED = 'ulimit -c 0; ulimit -v "$1" 2>/dev/null; ulimit -t "$2"; shift 2; exec "$@"';

/** The command line that runs `argv` under the limits: by util-linux's prlimit where it is, else by the shell's ulimit. */
export function limitedCommand(argv: readonly string[], limits: ProcessLimits, prlimit = findPrlimit()): readonly [string, ...string[]] {
  const { maxMemoryBytes, maxCpuSeconds } = limits;
  if (prlimit !== undefined) return [prlimit, `--as=${maxMemoryBytes}`, `--cpu=${maxCpuSeconds}`, "--core=0", "--", ...argv];
  return [SHELL, "-c", LIMITED, SHELL, String(Math.floor(maxMemoryBytes / 1024)), String(maxCpuSeconds), ...argv];
}

function findPrlimit(): string | undefined {
  return PRLIMIT.find(isProgram);
}

export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
