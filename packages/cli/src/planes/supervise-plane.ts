// The life of a plane's supervisor: configuration, processes, signals, and what it says of itself in the run folder.
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import { createLogger, systemRandom } from "@triplane/kit";
import { homeLayout } from "../home/layout.ts";
import { readWorkspaceFile } from "../home/workspace-file.ts";
import { planeStages } from "./plane-stages.ts";
import { identifyProcess } from "./process-identity.ts";
import { childEnvironment, type Plane } from "./process-spec.ts";
import { openRunFolder } from "./records.ts";
import { supervise } from "./supervisor.ts";

const READY_TIMEOUT_MS = 45_000;
const GRACE_MS = 15_000;

/** Runs until SIGTERM or SIGINT; the result is the exit code. */
export async function supervisePlane(root: string, plane: Plane): Promise<number> {
  const self = await identifyProcess(process.pid);
  if (self === undefined) throw new TriplaneError("internal", "this process cannot find itself in the process table");
  const logger = createLogger({ name: `supervisor-${plane}` });
  const layout = homeLayout(root);
  const runFolder = openRunFolder(layout.run);
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stopping.abort());
  try {
    await runFolder.writeSupervisor({ plane, process: self, state: "starting" });
    const workspace = await readWorkspaceFile(layout);
    await supervise({
      stages: await planeStages(plane, layout, workspace),
      runFolder,
      env: childEnvironment(process.env),
      cwd: root,
      logger,
      random: systemRandom,
      signal: stopping.signal,
      readyTimeoutMs: READY_TIMEOUT_MS,
      graceMs: GRACE_MS,
      onReady: () => runFolder.writeSupervisor({ plane, process: self, state: "up" }),
    });
    await runFolder.removeSupervisor(plane);
    logger.info({ plane }, "the plane is down");
    return 0;
  } catch (thrown) {
    const failure = toTriplaneError(thrown, "start_failed");
    logger.error({ err: failure }, "the plane could not start");
    await runFolder.writeSupervisor({ plane, process: self, state: "failed", failure: { code: failure.code, message: failure.message } });
    return 1;
  }
}
