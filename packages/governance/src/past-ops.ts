// Ops of the past as the ledger has them: what a simulated policy is held against.
import { type AuditRecord, type Op, TriplaneError, verifyAdmission, verifyApproval, verifyOp, verifyRefusal } from "@triplane/contract";
import { type RepositoryPin, readLedger } from "@triplane/ledger";
import { isDecidedCode, type PastOp } from "@triplane/policy";

export interface LedgeredOp extends PastOp {
  /** The op's jti. */
  readonly subject: string;
}

export interface PastOps {
  /** In order of their decision. */
  readonly ops: readonly LedgeredOp[];
  /** Records whose decision is not the policy's: a wrong sequence number, bytes that are no op. */
  readonly undecided: number;
}

/** More are not looked at; the oldest are left out. */
const MAX_OPS = 200_000;

/** Ops that were decided at or after `sinceS`. Throws what reading the ledger throws. */
export async function pastOps(repoDir: string, pin: RepositoryPin, sinceS: number): Promise<PastOps> {
  const ops: LedgeredOp[] = [];
  let undecided = 0;
  for await (const { subject, record } of readLedger(repoDir, pin, { newestFirst: true })) {
    // A record is written after its op was decided on; slow applies may change the order a little, which a day's margin covers.
    if (record.claims.finished_at < sinceS - 86_400 || ops.length >= MAX_OPS) break;
    const past = pastOpOf(record);
    if (past === undefined) undecided += 1;
    else if (past.decidedAtS >= sinceS) ops.push({ subject, ...past });
  }
  return { ops: ops.sort((a, b) => a.decidedAtS - b.decidedAtS), undecided };
}

function pastOpOf(record: AuditRecord): PastOp | undefined {
  const { basis, decision } = record.claims;
  if (basis === "admission") {
    const { op, approvals, policy, decided_at: decidedAtS, facts, basis: admittedBy } = verifyAdmission(decision).claims;
    const breakGlass = admittedBy === "break_glass";
    const about = { op: verifyOp(op), approvals: approvals.map(verifyApproval), policyRef: policy, breakGlass };
    return { ...about, decidedAtS, openSinceS: facts.open_since };
  }
  const { op: compact, approvals, policy, decided_at: decidedAtS, code, facts } = verifyRefusal(decision).claims;
  const op = compact === undefined ? undefined : opOf(compact);
  if (op === undefined || !(isDecidedCode(code) || code === "kid_unknown")) return undefined;
  return { op, approvals: approvals.map(verifyApproval), policyRef: policy, decidedAtS, openSinceS: facts.open_since };
}

/** Refused bytes need not be an op. */
function opOf(compact: string): Op | undefined {
  try {
    return verifyOp(compact);
  } catch (thrown) {
    if (thrown instanceof TriplaneError) return undefined;
    throw thrown;
  }
}
