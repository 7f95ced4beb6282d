// Whether an orchestrator may start on what it finds: not on a database that a rebuild has not filled yet, and not on an empty one
// beside what a former one left behind. `no-fail-open`
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { namesIfThere } from "@triplane/kit";
import type { Store } from "@triplane/store";
import { z } from "zod";
import { META } from "../records.ts";

export const MARK = { table: META.table, id: "rebuild" } as const;
const markSchema = z.object({ state: z.enum(["begun", "done"]) });

/** Folders in which instances leave something before their op ends. */
const TRACES = ["instances", "files", "retired"] as const;

/** What a database is to a rebuild. */
export async function databaseStanding(store: Store): Promise<"empty" | "begun" | "filled"> {
  const mark = await store.get(MARK.table, MARK.id);
  if (mark !== undefined) return markSchema.parse(mark).state === "begun" ? "begun" : "filled";
  const [ops, targets] = await Promise.all([store.count("ops"), store.count("targets")]);
  return ops + targets === 0 ? "empty" : "filled";
}

/** Throws `replay_unfinished` or `state_lost`. */
export async function assertMayStart(store: Store, dataDir: string): Promise<void> {
  const standing = await databaseStanding(store);
  if (standing === "begun") throw new TriplaneError("replay_unfinished", "the orchestrator's database does not hold everything yet");
  if (standing === "filled") return;
  for (const folder of TRACES) {
    const [name] = await namesIn(join(dataDir, folder));
    if (name !== undefined)
      throw new TriplaneError("state_lost", `the orchestrator's database is empty, and ${join(dataDir, folder)} holds ${name} from before`);
  }
}

// Journals and temporary files are there from the first start on.
async function namesIn(folder: string): Promise<readonly string[]> {
  return (await namesIfThere(folder)).filter((name) => !name.startsWith(".") && !name.endsWith(".jsonl"));
}
