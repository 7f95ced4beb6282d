// Whether a workspace has run before, and which of its databases are gone although it has. `no-fail-open`
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { isErrno } from "@triplane/kit";
import { repositoryDir } from "@triplane/ledger/layout";
import type { HomeLayout } from "../home/layout.ts";
import type { WorkspaceFile } from "../home/workspace-file.ts";

export type Database = "controller" | "orchestrator";

export function databaseFolder(name: Database, layout: Pick<HomeLayout, "controller" | "orchestrator">): string {
  return name === "controller" ? join(layout.controller, "store") : join(layout.orchestrator, "data", "store");
}

/** What shows that the workspace has run before, in words; undefined where nothing does. */
export async function pastOf(layout: HomeLayout, workspace: WorkspaceFile): Promise<string | undefined> {
  const size = await ledgerSize(layout, workspace);
  if (size > 0) return `the ledger has ${size} record${size === 1 ? "" : "s"}`;
  for (const name of ["controller", "orchestrator"] as const) {
    if (!(await isEmptyFolder(databaseFolder(name, layout)))) return `the database of the ${name} is there`;
  }
  return undefined;
}

/** Throws `state_lost` where the ledger has records and a database is gone. The streams are looked at once NATS runs. */
export async function assertDatabasesThere(layout: HomeLayout, workspace: WorkspaceFile): Promise<void> {
  const size = await ledgerSize(layout, workspace);
  if (size === 0) return;
  const lost: Database[] = [];
  for (const name of ["controller", "orchestrator"] as const) if (await isEmptyFolder(databaseFolder(name, layout))) lost.push(name);
  if (lost.length === 0) return;
  const folders = lost.map((name) => databaseFolder(name, layout));
  throw new TriplaneError("state_lost", `the ledger has ${size} records, and nothing is in ${folders.join(" and ")}`, {
    details: { lost },
  });
}

async function ledgerSize(layout: HomeLayout, workspace: WorkspaceFile): Promise<number> {
  const { state } = workspace.pins;
  // Not with this module: the planes that do not look at the past start without it.
  const { ledgerCheckpoint } = await import("@triplane/ledger");
  return (await ledgerCheckpoint(repositoryDir(layout.storage, state.rid), state))?.size ?? 0;
}

export async function isEmptyFolder(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length === 0;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return true;
    throw error;
  }
}
