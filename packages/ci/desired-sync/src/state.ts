// What desired-sync remembers between two looks: the commit it works for, its op, and whether that is done.
import { commitField, jtiField } from "@triplane/contract";
import { z } from "zod";

export const syncStateSchema = z.strictObject({
  /** The approved commit of the desired repository that the op below applies. */
  commit: commitField,
  jti: jtiField,
  /** Ops signed for this commit so far. */
  attempts: z.int().min(1),
  /** `open`: no outcome yet. `applied`: done. `failed`: given up on until the head moves. */
  status: z.enum(["open", "applied", "failed"]),
  /** Failure code where it failed. */
  code: z.string().optional(),
});
export type SyncState = z.infer<typeof syncStateSchema>;
