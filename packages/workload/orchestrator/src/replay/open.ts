// What a rebuild needs of an orchestrator that does not run: its database, and what plans are made with.
import { join } from "node:path";
import { openStore, type Store } from "@triplane/store";
import { CatalogFolder } from "../adapters/catalog-folder.ts";
import { recordedDesired } from "../adapters/desired-repo.ts";
import { loadKinds } from "../adapters/kinds-folder.ts";
import { MIGRATIONS } from "../records.ts";
import type { RebuildOptions } from "./rebuild.ts";

/** Throws what opening a store throws; `store_locked` while an orchestrator runs on it. */
export async function openOrchestratorDatabase(url: string): Promise<Store> {
  return await openStore({ url, migrations: MIGRATIONS });
}

export interface PlanningFolders {
  readonly workspace: string;
  /** The orchestrator's data folder; releases are unpacked there. */
  readonly dataDir: string;
  readonly catalogDir: string;
  /** The desired-state repository. */
  readonly desiredDir: string;
}

export async function planningFor({ workspace, dataDir, catalogDir, desiredDir }: PlanningFolders): Promise<RebuildOptions["planning"]> {
  const catalog = new CatalogFolder(catalogDir, join(dataDir, "releases"), join(dataDir, "secrets"));
  return { workspace, catalog, kinds: await loadKinds(), desired: recordedDesired(desiredDir, workspace) };
}
