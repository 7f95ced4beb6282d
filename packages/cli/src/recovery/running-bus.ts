// NATS and the audit-mirror of a workspace that is down, running for as long as a recovery takes.
//
// 1. What waits on the audit stream goes into the ledger first: nothing is rebuilt from a ledger that lags behind.
import { type Bus, provision } from "@triplane/bus";
import { CONSUMERS, streamNames, TriplaneError, toTriplaneError } from "@triplane/contract";
import { createLogger, readSecretFile, silentLogger, sleep } from "@triplane/kit";
import type { CommandContext } from "../framework/command.ts";
import type { HomeLayout } from "../home/layout.ts";
import { natsUrl, type WorkspaceFile } from "../home/workspace-file.ts";
import { withBus } from "../people/connect.ts";
import { recoveryStages } from "../planes/plane-stages.ts";
import { childEnvironment } from "../planes/process-spec.ts";
import { openRunFolder } from "../planes/records.ts";
import { supervise } from "../planes/supervisor.ts";
import { pastOf } from "./past.ts";

const READY_TIMEOUT_MS = 45_000;
const GRACE_MS = 15_000;
const DRAIN_TIMEOUT_MS = 300_000;
const POLL_MS = 200;

export interface StreamsStanding {
  /** Streams that were gone and were made anew. */
  readonly lost: readonly string[];
}

/** Runs `work` beside a NATS server whose streams are there and a mirror that has nothing left to do. Stops both, whatever happens. */
export async function besideTheBus<T>(
  layout: HomeLayout,
  workspace: WorkspaceFile,
  context: CommandContext,
  work: (streams: StreamsStanding) => Promise<T>,
): Promise<T> {
  const stopping = new AbortController();
  let lost: readonly string[] = [];
  let result: { readonly value: T } | undefined;
  await supervise({
    stages: await recoveryStages(layout, workspace, async () => {
      lost = await putStreamsBack(layout, workspace);
      if (lost.length > 0) context.progress(`NATS had lost ${lost.join(", ")}: made anew`);
    }),
    runFolder: openRunFolder(layout.run),
    env: childEnvironment(process.env),
    cwd: layout.root,
    logger: silentLogger,
    random: context.random,
    signal: AbortSignal.any([context.signal, stopping.signal]),
    readyTimeoutMs: READY_TIMEOUT_MS,
    graceMs: GRACE_MS,
    onReady: async () => {
      await withBus({ role: "watcher" }, layout, workspace, context, (bus) => drained(bus, workspace.workspace, context));
      result = { value: await work({ lost }) };
      stopping.abort();
    },
  });
  if (result === undefined) throw new TriplaneError("replay_unfinished", "told to stop before everything was done");
  return result.value;
}

async function putStreamsBack(layout: HomeLayout, workspace: WorkspaceFile): Promise<readonly string[]> {
  const options = {
    servers: natsUrl(workspace),
    nkeySeed: (await readSecretFile(layout.natsSeed("provisioner"))).trim(),
    workspace: workspace.workspace,
    logger: createLogger({ name: "provisioner" }),
  };
  try {
    await provision({ ...options, ranBefore: (await pastOf(layout, workspace)) ?? "it is asked for" });
    return [];
  } catch (thrown) {
    const error = toTriplaneError(thrown);
    if (error.code !== "state_lost") throw error;
    await provision(options);
    const { lost } = error.details;
    return Array.isArray(lost) ? lost.map(String) : [];
  }
}

/** Resolves when the mirror has settled everything on the audit stream. */
async function drained(bus: Bus, workspace: string, context: CommandContext): Promise<void> {
  const deadlineMs = performance.now() + DRAIN_TIMEOUT_MS;
  let told = 0;
  for (;;) {
    const { pending, unacked } = await bus.consumerState(streamNames(workspace).audit, CONSUMERS.audit);
    const left = pending + unacked;
    if (left === 0) return;
    if (performance.now() > deadlineMs)
      throw new TriplaneError("unavailable", `${left} records still wait for the ledger; the log of audit-mirror says why`);
    if (left !== told) context.progress(`${left} records wait for the ledger …`);
    told = left;
    await sleep(POLL_MS, context.signal);
    if (context.signal.aborted) throw new TriplaneError("replay_unfinished", "told to stop before the ledger had every record");
  }
}
