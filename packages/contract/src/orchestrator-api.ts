// The orchestrator's HTTP API as its callers see it: schemas of /api/v1/workspaces/{ws}/…
import { z } from "zod";
import { digestField, jsonRecordField, jtiField, kindField, secondsField, targetField, versionField } from "./objects/claims.ts";

/** A step that applying would take. */
export const planActionSchema = z.strictObject({
  action: z.enum(["create", "update", "restart", "scale", "remove", "none"]),
  target: targetField,
  /** One line for people. */
  summary: z.string(),
  before: jsonRecordField.optional(),
  after: jsonRecordField.optional(),
});
export type PlanAction = z.infer<typeof planActionSchema>;

/** What an op would do now. `digest` is SHA-256 over the canonical JSON of the other members: it is what approvers sign. */
export const planSchema = z.strictObject({
  workspace: z.string(),
  op: kindField,
  target: targetField,
  state_version: versionField,
  actions: z.array(planActionSchema),
  digest: digestField,
});
export type Plan = z.infer<typeof planSchema>;

/** Body of POST /plan. */
export const planRequestSchema = z.strictObject({ op: kindField, target: targetField, args: jsonRecordField });
export type PlanRequest = z.infer<typeof planRequestSchema>;

/** A result by its op, and the `workspace_revision` that it came with. */
export const resultSeenSchema = z.strictObject({ jti: jtiField, revision: versionField });
export type ResultSeen = z.infer<typeof resultSeenSchema>;

/** Body of POST /ops. A second call with the same jti returns the first result (`applied-once`). */
export const applyRequestSchema = z.strictObject({
  fence: z.int().min(1),
  /** The newest result that the caller was ever given; absent from one that never was (ADR-052). */
  seen: resultSeenSchema.optional(),
  jti: jtiField,
  op_digest: digestField,
  op: kindField,
  target: targetField,
  args: jsonRecordField,
  expected_state_version: versionField,
  plan: digestField.optional(),
});
export type ApplyRequest = z.infer<typeof applyRequestSchema>;

/** Result of an apply, as POST /ops and GET /ops/{jti} return it. `running`: it was accepted and is not finished. */
export const applyResultSchema = z.strictObject({
  jti: jtiField,
  op_digest: digestField,
  status: z.enum(["running", "applied", "failed", "conflict"]),
  code: z.string().optional(),
  target: targetField,
  state_version_before: versionField,
  state_version_after: versionField,
  workspace_revision: versionField,
  /** When it ended, by the orchestrator's clock; absent while it runs. Kept with the result: whoever asks again hears the same. */
  finished_at: secondsField.optional(),
  evidence: jsonRecordField,
});
export type ApplyResult = z.infer<typeof applyResultSchema>;

/** GET /targets/{target}: version 0 and no state where the target never existed. */
export const targetStateSchema = z.strictObject({
  target: targetField,
  version: versionField,
  state: jsonRecordField.optional(),
  health: z.enum(["healthy", "unhealthy", "starting", "stopped", "unknown"]),
});
export type TargetState = z.infer<typeof targetStateSchema>;

/** GET /workspaces/{ws}. `state_hash` is SHA-256 over the canonical JSON of all targets' names, versions and states. */
export const workspaceStateSchema = z.strictObject({
  workspace: z.string(),
  revision: versionField,
  state_hash: digestField,
  targets: z.array(targetStateSchema),
});
export type WorkspaceState = z.infer<typeof workspaceStateSchema>;
