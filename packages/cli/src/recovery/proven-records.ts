// The records of a ledger, after all of it was verified and every decision was run again: the only thing that a rebuild believes.
import type { AuditRecord, Did } from "@triplane/contract";
import { TriplaneError } from "@triplane/contract";
import { type LedgerReport, readLedger, verifyLedger } from "@triplane/ledger";
import type { WorkspaceFile } from "../home/workspace-file.ts";
import type { CheckDecision } from "../people/decisions.ts";

export interface ProvenLedger {
  readonly dir: string;
  readonly report: LedgerReport;
  /** Root of the Merkle tree over the records; empty for a ledger without any. */
  readonly root: string;
  readonly subjects: ReadonlySet<string>;
  /** In order; exactly those that were verified, also where the ledger has grown meanwhile. */
  records(): AsyncGenerator<AuditRecord>;
}

/** Throws the first problem that the verification found. */
export async function proveLedger(
  dir: string,
  workspace: WorkspaceFile,
  check: CheckDecision,
  onProgress: (done: number) => void,
): Promise<ProvenLedger> {
  const { pins } = workspace;
  const subjects = new Set<string>();
  const report = await verifyLedger(dir, pins.state, {
    controller: pins.controller as Did,
    policyRid: pins.policy.rid,
    // Numbers that are missing are told, and do not keep anybody from what is there.
    graceS: Number.MAX_SAFE_INTEGER,
    checkRecord: async (record) => {
      await check(record);
      subjects.add(record.claims.subject);
    },
    onProgress,
  });
  const [problem] = report.problems;
  if (problem !== undefined) throw new TriplaneError(problem.code, `nothing is rebuilt from ${dir}: ${problem.message}`);
  return {
    dir,
    report,
    root: report.checkpoint?.root ?? "",
    subjects,
    async *records() {
      for await (const { index, record } of readLedger(dir, pins.state)) {
        if (index >= report.size) return;
        yield record;
      }
    },
  };
}
