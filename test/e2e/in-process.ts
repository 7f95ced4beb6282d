// A command line of `triplane` in this process, through the same shell as the program's: a test that looks at a workspace a hundred times
// starts a hundred programs otherwise, and starting costs most of them more than what they do. That the programs start, and what they get
// from their environment, is tested where a program is run (program.ts), by guides, playbooks and `cli.test.ts`.
import { PROGRAM, runCaptured } from "@triplane/cli";
import { systemClock, systemRandom } from "@triplane/kit";
import type { Installation } from "./installation.ts";
import { type Ran, run } from "./program.ts";

export interface Place {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Then it is told to stop. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 120_000;

/** Data, messages and exit code, as the program gives them. */
export async function triplaneHere(args: readonly string[], { cwd, env, timeoutMs }: Place): Promise<Ran> {
  const signal = AbortSignal.timeout(timeoutMs ?? DEFAULT_TIMEOUT_MS);
  return await runCaptured(PROGRAM, args, { cwd, env, signal, clock: systemClock, random: systemRandom });
}

/** In an installation's folder: what makes a home, starts or stops planes is the program, with its environment; the rest runs here. */
export function triplaneAt({ program, folder: cwd, env }: Installation, args: readonly string[], timeoutMs?: number): Promise<Ran> {
  const place = { cwd, env, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  return ["init", "up", "down"].includes(args[0] ?? "") ? run(program("triplane"), args, place) : triplaneHere(args, place);
}
