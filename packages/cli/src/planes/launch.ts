// Bringing planes up and down from outside: a supervisor process per plane, found again through the run folder.
//
// 1. A plane that is up already is left as it is.
// 2. What a dead supervisor left running is stopped before its plane starts again, and by `takeDown`.
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { ensurePrivateFolder, sleep } from "@triplane/kit";
import type { HomeLayout } from "../home/layout.ts";
import { identifyProcess, isRunning } from "./process-identity.ts";
import { childEnvironment, PLANES, type Plane } from "./process-spec.ts";
import { openRunFolder, type RunFolder, type SupervisorRecord } from "./records.ts";
import { stopProcess, waitUntilGone } from "./stop.ts";
import { lastLines } from "./supervisor.ts";

const START_LIMIT_MS = 120_000;
// Longer than a supervisor gives its processes, stage by stage.
const SUPERVISOR_GRACE_MS = 60_000;
const LEFTOVER_GRACE_MS = 10_000;

export type LaunchOutcome = "started" | "already-up";

/** Resolves when every process of the plane is healthy. Throws `start_failed` with the reason. */
export async function bringUp(plane: Plane, layout: HomeLayout, signal: AbortSignal): Promise<LaunchOutcome> {
  const runFolder = openRunFolder(layout.run);
  const known = await liveSupervisor(plane, runFolder);
  if (known?.state === "up") return "already-up";
  if (known === undefined) await launchSupervisor(plane, layout, runFolder);
  await waitForPlane(plane, layout, runFolder, signal);
  return known === undefined ? "started" : "already-up";
}

/** Whether the plane's supervisor runs and says that everything started. */
export async function isUp(plane: Plane, layout: HomeLayout): Promise<boolean> {
  return (await liveSupervisor(plane, openRunFolder(layout.run)))?.state === "up";
}

/** Stops the plane and whatever of it is left over. Returns the names of the processes that ran. */
export async function takeDown(plane: Plane, layout: HomeLayout): Promise<readonly string[]> {
  const runFolder = openRunFolder(layout.run);
  const names = (await runFolder.processes()).filter((record) => record.plane === plane).map((record) => record.name);
  const supervisor = await liveSupervisor(plane, runFolder);
  if (supervisor !== undefined) await stopProcess(supervisor.process, { graceMs: SUPERVISOR_GRACE_MS });
  await sweep(plane, runFolder);
  await runFolder.removeSupervisor(plane);
  return names;
}

async function liveSupervisor(plane: Plane, runFolder: RunFolder): Promise<SupervisorRecord | undefined> {
  const record = await runFolder.readSupervisor(plane);
  return record !== undefined && (await isRunning(record.process)) ? record : undefined;
}

async function sweep(plane: Plane, runFolder: RunFolder): Promise<void> {
  for (const record of await runFolder.processes()) {
    if (record.plane !== plane) continue;
    await stopProcess(record.process, { graceMs: LEFTOVER_GRACE_MS });
    await runFolder.removeProcess(record.name);
  }
}

async function launchSupervisor(plane: Plane, layout: HomeLayout, runFolder: RunFolder): Promise<void> {
  await sweep(plane, runFolder);
  await runFolder.removeSupervisor(plane);
  await ensurePrivateFolder(layout.logs);
  const log = openSync(supervisorLog(plane, layout), "a", 0o600);
  try {
    const child = spawn(process.execPath, [join(import.meta.dirname, "supervisor-main.ts"), layout.root, plane], {
      cwd: layout.root,
      env: childEnvironment(process.env),
      stdio: ["ignore", log, log],
      detached: true,
    });
    child.once("error", () => undefined); // seen below: no record appears
    child.unref();
    const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid);
    if (identity !== undefined) await runFolder.writeSupervisor({ plane, process: identity, state: "starting" });
  } finally {
    closeSync(log);
  }
}

async function waitForPlane(plane: Plane, layout: HomeLayout, runFolder: RunFolder, signal: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + START_LIMIT_MS;
  for (;;) {
    let record = await runFolder.readSupervisor(plane);
    if (record?.state === "up") return;
    // What it says as its last word, it may say between the two looks.
    const ended = record === undefined || !(await isRunning(record.process));
    if (ended) record = await runFolder.readSupervisor(plane);
    if (record?.failure !== undefined) {
      await waitUntilGone(record.process, SUPERVISOR_GRACE_MS);
      const code = record.failure.code === "state_lost" ? "state_lost" : "start_failed";
      throw new TriplaneError(code, `the ${plane} plane did not start: ${record.failure.message}`);
    }
    if (ended) {
      const log = supervisorLog(plane, layout);
      throw new TriplaneError(
        "start_failed",
        `the supervisor of the ${plane} plane ended; the last lines of ${log}:\n${await lastLines(log, 8)}`,
      );
    }
    if (signal.aborted) throw new TriplaneError("start_failed", `told to stop before the ${plane} plane was up`);
    if (performance.now() > deadlineMs)
      throw new TriplaneError("start_failed", `the ${plane} plane was not up after ${START_LIMIT_MS / 1000} s`);
    await sleep(50, signal);
  }
}

function supervisorLog(plane: Plane, layout: HomeLayout): string {
  return join(layout.logs, `supervisor-${plane}.log`);
}

/** Whether any supervisor or process of the home is alive. */
export async function anyPlaneRuns(layout: HomeLayout): Promise<boolean> {
  const runFolder = openRunFolder(layout.run);
  for (const plane of PLANES) if ((await liveSupervisor(plane, runFolder)) !== undefined) return true;
  for (const record of await runFolder.processes()) if (await isRunning(record.process)) return true;
  return false;
}
