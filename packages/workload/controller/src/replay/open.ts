// The database of a controller that does not run.
import { openStore, type Store } from "@triplane/store";
import { MIGRATIONS } from "../rows.ts";

/** Throws what opening a store throws; `store_locked` while a controller runs on it. */
export async function openControllerDatabase(url: string): Promise<Store> {
  return await openStore({ url, migrations: MIGRATIONS });
}
