// Builds and their machines do not exist yet: the evidence says so, instead of a promise kept because nothing was promised.
import type { Evidence } from "../evidence.ts";
import type { Case } from "../report.ts";

const BUILD = /^(?:build|runner|vm|lease)\./;

export function checkBuilds(evidence: Evidence, told: Case, what: string): void {
  const orchestrator = told.need(evidence.orchestrator);
  const ledger = told.need(evidence.ledger);
  if (orchestrator === undefined || ledger === undefined) return;
  const tables = [...orchestrator.late.otherTables];
  const ops = ledger.records.filter(({ decision }) => BUILD.test(decision?.op?.kind ?? ""));
  told.count(
    "leases and builds",
    tables.reduce((sum, [, count]) => sum + count, 0),
  );
  told.count("ops about builds", ops.length);
  told.saw(
    `the orchestrator's database has no rows of leases or builds, and none of the ${ledger.records.length} records of the ledger is about one`,
  );
  for (const [table, count] of tables)
    told.violation({ what: `the orchestrator has ${count} rows of ${table}, and this checker does not know them`, row: table });
  for (const { index, decision } of ops)
    told.violation({
      what: `record ${index} is about ${decision?.op?.kind ?? ""}, and this checker does not know such ops`,
      recordIndex: index,
    });
  if (tables.length === 0 && ops.length === 0) told.cannot(`no ${what} was ever recorded: there is nothing to check`);
}
