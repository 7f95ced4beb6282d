// One process that runs the same daemon for many workspaces: `host.ts DAEMON`, told by messages which configuration files to serve.
//
// The product starts a process for each daemon of each workspace. A hundred workspaces would be four hundred of them, more memory for Node
// than for the workspaces; so this row, and only this row, puts them together.
import { runAuditMirror } from "@triplane/audit-mirror";
import { runController } from "@triplane/controller";
import { runKeeper } from "@triplane/keeper";
import { sleep } from "@triplane/kit";
import { runOrchestrator } from "@triplane/orchestrator";

const PROGRAMS = {
  "audit-mirror": runAuditMirror,
  "keeper-daemon": runKeeper,
  "ops-controller": runController,
  orchestrator: runOrchestrator,
} as const;

/** A hundred controllers share one thread here: each would lose its lease while the others have their turn. */
const PATIENT: Readonly<Record<HostedDaemon, readonly string[]>> = {
  "audit-mirror": [],
  "keeper-daemon": [],
  "ops-controller": ["--lease-ttl-ms", "120000"],
  orchestrator: [],
};

const AGAIN_MS = 1_000;

export type HostedDaemon = keyof typeof PROGRAMS;

const name = process.argv[2] as HostedDaemon;
const run = PROGRAMS[name];
const stopping = new AbortController();
const running: Promise<void>[] = [];
// Every daemon listens for signals.
process.setMaxListeners(0);
process.on("message", (argv: readonly string[]) => void running.push(keepRunning(argv)));
process.once("disconnect", async () => {
  stopping.abort();
  await Promise.all(running);
  process.exit(0);
});

/** As a supervisor does: what ended is started again, a little later. */
async function keepRunning(argv: readonly string[]): Promise<void> {
  const { signal } = stopping;
  while (!signal.aborted) {
    await run([...argv, ...PATIENT[name], "--log-level", "warn"], process.env, { signal });
    await sleep(AGAIN_MS, signal);
  }
}
