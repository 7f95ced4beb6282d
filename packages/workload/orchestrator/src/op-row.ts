// The row of an op: what it was accepted as, what it shall change, what it came to.
import { type ApplyResult, applyResultSchema, type Digest, digestField, type Json } from "@triplane/contract";
import type { Document } from "@triplane/store";
import { z } from "zod";
import { type InstanceState, instanceStateSchema, type JsonRecord, jsonRecord } from "./model.ts";

/** Fixed when the op is accepted; what a restart after a crash goes on from. */
export interface IntendedChange {
  readonly target: string;
  readonly action: string;
  readonly before: InstanceState | undefined;
  readonly after: InstanceState | undefined;
}

export interface OpRow {
  readonly jti: string;
  readonly opDigest: Digest;
  readonly op: string;
  readonly target: string;
  readonly args: JsonRecord;
  readonly fence: number;
  readonly acceptedAtMs: number;
  readonly stateVersionBefore: number;
  readonly changes: readonly IntendedChange[];
  /** New state of the op's own target where that is no instance. */
  readonly targetState: JsonRecord | undefined;
  /** Undefined while it runs. */
  readonly result: ApplyResult | undefined;
}

const opRowSchema = z.object({
  jti: z.string(),
  op_digest: digestField,
  op: z.string(),
  target: z.string(),
  args: jsonRecord,
  fence: z.int(),
  accepted_at_ms: z.int(),
  state_version_before: z.int(),
  changes: z.array(
    z.object({ target: z.string(), action: z.string(), before: instanceStateSchema.nullable(), after: instanceStateSchema.nullable() }),
  ),
  target_state: jsonRecord.nullable(),
  result: applyResultSchema.nullable(),
});

export function opOf(document: Document): OpRow {
  const row = opRowSchema.parse(document);
  return {
    jti: row.jti,
    opDigest: row.op_digest,
    op: row.op,
    target: row.target,
    args: row.args,
    fence: row.fence,
    acceptedAtMs: row.accepted_at_ms,
    stateVersionBefore: row.state_version_before,
    changes: row.changes.map((change) => ({ ...change, before: change.before ?? undefined, after: change.after ?? undefined })),
    targetState: row.target_state ?? undefined,
    result: row.result ?? undefined,
  };
}

/** As it is stored. */
export function opDocument(row: OpRow): Document {
  return {
    jti: row.jti,
    status: row.result?.status ?? "running",
    op_digest: row.opDigest,
    op: row.op,
    target: row.target,
    args: row.args,
    fence: row.fence,
    accepted_at_ms: row.acceptedAtMs,
    state_version_before: row.stateVersionBefore,
    changes: row.changes.map(({ target, action, before, after }) => ({ target, action, before: before ?? null, after: after ?? null })),
    target_state: row.targetState ?? null,
    result: row.result === undefined ? null : resultJson(row.result),
  };
}

function resultJson(result: ApplyResult): Json {
  const { code, finished_at, ...rest } = result;
  return { ...rest, ...(code === undefined ? {} : { code }), ...(finished_at === undefined ? {} : { finished_at }) };
}
