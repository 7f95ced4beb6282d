// Ends the components that the orchestrator runs. They outlive it on purpose, so taking everything down takes this as well.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { atomicWriteFile, ensurePrivateFolder } from "@triplane/kit";
import type { HomeLayout } from "../home/layout.ts";
import type { WorkspaceFile } from "../home/workspace-file.ts";
import { databaseFolder, isEmptyFolder } from "../recovery/past.ts";
import { orchestratorConfig } from "./plane-stages.ts";
import { childEnvironment } from "./process-spec.ts";

const TIMEOUT_MS = 60_000;

/** Runs the orchestrator once with --stop-all; the plane has to be down, for the store has one owner. */
export async function stopComponents(layout: HomeLayout, workspace: WorkspaceFile): Promise<void> {
  // Without a database nobody knows of any, and an empty one must not be left behind where one was lost.
  if (await isEmptyFolder(databaseFolder("orchestrator", layout))) return;
  if (!(await everRanOne(layout))) return;
  const configFile = join(layout.orchestrator, "stop.json");
  await ensurePrivateFolder(layout.orchestrator);
  await atomicWriteFile(
    configFile,
    `${JSON.stringify({ ...orchestratorConfig(layout, workspace), stopAll: true, healthPort: 0 }, null, 2)}\n`,
  );
  const program = join(import.meta.dirname, "..", "daemons", "orchestrator.ts");
  await new Promise<void>((resolve, reject) => {
    const options = { cwd: layout.root, env: childEnvironment(process.env), timeout: TIMEOUT_MS };
    execFile(process.execPath, [program, "--config", configFile], options, (error, _, stderr) => {
      if (error === null) resolve();
      else reject(new TriplaneError("internal", `the components could not be ended: ${stderr.slice(-2000)}`, { cause: error }));
    });
  });
}

/** A component's process has a folder and a log before it is started, and its log stays. */
async function everRanOne({ orchestrator }: HomeLayout): Promise<boolean> {
  const empty = await Promise.all(["instances", "logs"].map((name) => isEmptyFolder(join(orchestrator, "data", name))));
  return empty.includes(false);
}
