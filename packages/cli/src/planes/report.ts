// What runs of a home, plane by plane, as its records and its processes say.

import { table } from "../framework/table.ts";
import type { HomeLayout } from "../home/layout.ts";
import { askHealth } from "./health.ts";
import { isRunning } from "./process-identity.ts";
import { PLANES, type Plane } from "./process-spec.ts";
import { openRunFolder, type ProcessRecord } from "./records.ts";

export interface ProcessReport {
  readonly name: string;
  readonly pid: number;
  readonly running: boolean;
  readonly healthy: boolean;
  readonly restarts: number;
  /** What the process says of itself, or why it does not answer. */
  readonly detail: unknown;
  readonly log: string;
}

export interface PlaneReport {
  readonly plane: Plane;
  readonly state: "up" | "starting" | "failed" | "down";
  readonly failure?: string;
  readonly processes: readonly ProcessReport[];
}

export async function reportPlanes(layout: HomeLayout): Promise<readonly PlaneReport[]> {
  const runFolder = openRunFolder(layout.run);
  const records = await runFolder.processes();
  return await Promise.all(
    PLANES.map(async (plane): Promise<PlaneReport> => {
      const supervisor = await runFolder.readSupervisor(plane);
      const alive = supervisor !== undefined && (await isRunning(supervisor.process));
      const processes = await Promise.all(records.filter((record) => record.plane === plane).map(reportProcess));
      const failure = supervisor?.failure === undefined ? {} : { failure: supervisor.failure.message };
      return { plane, state: alive ? supervisor.state : supervisor?.state === "failed" ? "failed" : "down", ...failure, processes };
    }),
  );
}

async function reportProcess(record: ProcessRecord): Promise<ProcessReport> {
  const running = await isRunning(record.process);
  const health = running && record.healthUrl !== undefined ? await askHealth(record.healthUrl) : { ok: false, detail: "not running" };
  const { name, restarts, log } = record;
  return { name, pid: record.process.pid, running, healthy: health.ok, restarts, detail: detailOf(health.detail), log };
}

// Daemons answer { name, ok, detail }; their facts are what is worth showing.
function detailOf(answer: unknown): unknown {
  return typeof answer === "object" && answer !== null && "detail" in answer ? answer.detail : answer;
}

export function renderPlanes(reports: readonly PlaneReport[]): string {
  const rows = reports.flatMap((report) => {
    const head = [report.plane, report.state];
    if (report.processes.length === 0) return [[...head, "", "", "", report.failure?.split("\n")[0] ?? ""]];
    return report.processes.map((each, index) => [
      ...(index === 0 ? head : ["", ""]),
      each.name,
      String(each.pid),
      each.healthy ? "healthy" : each.running ? "not healthy" : "gone",
      [each.restarts === 0 ? "" : `started again ${each.restarts}×`, each.healthy ? "" : textOf(each.detail)]
        .filter((part) => part !== "")
        .join(", "),
    ]);
  });
  return table(["PLANE", "STATE", "PROCESS", "PID", "HEALTH", "NOTE"], rows);
}

function textOf(detail: unknown): string {
  return typeof detail === "string" ? detail : JSON.stringify(detail ?? {});
}
