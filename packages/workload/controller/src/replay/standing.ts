// Whether a controller may start on the database that it finds: not on one that a rebuild has not filled yet, and not on an empty one
// when the command stream remembers messages that a controller settled. `no-fail-open`
import type { Bus } from "@triplane/bus";
import { CONSUMERS, streamNames, TriplaneError } from "@triplane/contract";
import type { Store } from "@triplane/store";
import { z } from "zod";

export const MARK = { table: "meta", id: "rebuild" } as const;
const markSchema = z.object({ state: z.enum(["begun", "done"]) });

/** What a database is to a rebuild. */
export async function databaseStanding(store: Store): Promise<"empty" | "begun" | "filled"> {
  const mark = await store.get(MARK.table, MARK.id);
  if (mark !== undefined) return markSchema.parse(mark).state === "begun" ? "begun" : "filled";
  const counts = await Promise.all([store.count("ops"), store.count("outbox"), store.count("rejected")]);
  return counts.every((count) => count === 0) ? "empty" : "filled";
}

/** Throws `replay_unfinished` or `state_lost`. */
export async function assertMayStart(store: Store, bus: Pick<Bus, "consumerState">, workspace: string): Promise<void> {
  const standing = await databaseStanding(store);
  if (standing === "begun") throw new TriplaneError("replay_unfinished", "the controller's database does not hold everything yet");
  if (standing === "filled") return;
  // Every message that was acked left a row (`persist-before-ack`).
  const stream = streamNames(workspace).cmd;
  const { ackFloorSeq } = await bus.consumerState(stream, CONSUMERS.cmd);
  if (ackFloorSeq > 0)
    throw new TriplaneError(
      "state_lost",
      `the controller's database is empty, and ${ackFloorSeq} messages of ${stream} were settled before`,
    );
}
