// Names of workspaces, subjects, streams, consumers and buckets. Nothing else spells them.
import { TriplaneError } from "./failures/index.ts";

const WORKSPACE = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

/** Checks a workspace name before it touches a subject, a path or a repository name. Throws `workspace_invalid`. */
export function assertWorkspace(name: string): string {
  if (!WORKSPACE.test(name))
    throw new TriplaneError("workspace_invalid", `workspace name ${JSON.stringify(name.slice(0, 64))} is not valid`);
  return name;
}

/** A principal's name: one token of a subject. */
export const PRINCIPAL_PATTERN: RegExp = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

/** A target's name, as ops and the orchestrator use it. */
export const TARGET_PATTERN: RegExp = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

/** UUIDv7 (RFC 9562 section 5.7), lower case: the jti of every signed object. */
export const JTI_PATTERN: RegExp = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Subjects of a workspace. */
export function subjects(workspace: string): Subjects {
  // Asked for at every step of an op, and nearly always for the same workspace.
  if (last?.workspace !== workspace) last = { workspace, subjects: subjectsOf(assertWorkspace(workspace)) };
  return last.subjects;
}

type Subjects = ReturnType<typeof subjectsOf>;
let last: { readonly workspace: string; readonly subjects: Subjects } | undefined;

function subjectsOf(ws: string) {
  return {
    pending: `ops.pending.${ws}`,
    review: (jti: string) => `ops.review.${ws}.${jti}`,
    reviewAll: `ops.review.${ws}.*`,
    approval: (jti: string) => `ops.approval.${ws}.${jti}`,
    approvalAll: `ops.approval.${ws}.*`,
    cmd: `ops.cmd.${ws}`,
    audit: `ops.audit.${ws}`,
    answer: (principal: string, jti: string) => `ops.answer.${ws}.${principal}.${jti}`,
    answersOf: (principal: string) => `ops.answer.${ws}.${principal}.*`,
    answerAll: `ops.answer.${ws}.*.*`,
    alarm: `ops.alarm.${ws}`,
  } as const;
}

/** Stream names of a workspace. */
export function streamNames(workspace: string) {
  const ws = assertWorkspace(workspace);
  return {
    pending: `OPS_PENDING_${ws}`,
    review: `OPS_REVIEW_${ws}`,
    cmd: `OPS_CMD_${ws}`,
    audit: `OPS_AUDIT_${ws}`,
    answer: `OPS_ANSWER_${ws}`,
    alarm: `OPS_ALARM_${ws}`,
  } as const;
}

/** Durable consumers: one per stream that is worked off. */
export const CONSUMERS = { pending: "keeper", approval: "keeper-approvals", cmd: "ops-controller", audit: "audit-mirror" } as const;

/** Key-value buckets: sequences (written by the keeper), leases (written by the controller). */
export function buckets(workspace: string) {
  const ws = assertWorkspace(workspace);
  return { seq: `OPS_SEQ_${ws}`, lease: `OPS_LEASE_${ws}` } as const;
}

/** The field of a log line that is about something called by its jti or by a digest: `jti`, where it is one. */
export function aboutOp(subject: string | undefined): { readonly jti?: string } {
  return subject !== undefined && JTI_PATTERN.test(subject) ? { jti: subject } : {};
}
