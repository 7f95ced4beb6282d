// oom-retry-bounded: of each build there is at most one retry, one tier above what it ran on, and only where memory was the reason.
import { TIER_SIZES, TIERS, type Tier } from "@triplane/contract";
import type { Evidence } from "../evidence.ts";
import type { Case } from "../report.ts";
import type { LeaseRow } from "../sources/pool.ts";

export function checkRetries(evidence: Evidence, told: Case): void {
  const orchestrator = told.need(evidence.orchestrator);
  if (orchestrator === undefined) return;
  const { leases, outcomes } = orchestrator.late.pool;
  const byBuild = new Map([...leases.values()].map((lease) => [lease.build_id, lease]));
  const retries = [...leases.values()].filter(({ retry_of }) => retry_of !== null);
  told.count("leases", leases.size);
  told.count("retries", retries.length);
  told.count("runs out of memory", [...outcomes.values()].filter((outcome) => outcome === "oom").length);
  told.saw(`${leases.size} leases, of which ${retries.length} retry the build of another one`);
  const seen = new Map<string, LeaseRow>();
  for (const retry of retries) {
    const build = retry.retry_of ?? "";
    const about = { row: `leases/${retry.id}` };
    const other = seen.get(build);
    if (other !== undefined)
      told.violation({ what: `the build ${build} was retried by ${other.build_id} and by ${retry.build_id}`, ...about });
    seen.set(build, retry);
    const first = byBuild.get(build);
    // Leases are forgotten after two months, the older one first.
    if (first === undefined) told.saw(`the lease of ${build}, which ${retry.build_id} retries, is not kept any more`);
    else checkStep(first, retry, outcomes.get(first.id), told);
  }
  if (leases.size === 0) told.cannot("no lease of a machine was ever recorded: there is nothing to check");
}

function checkStep(first: LeaseRow, retry: LeaseRow, outcome: string | undefined, told: Case): void {
  const about = { row: `leases/${retry.id}` };
  if (first.retry_of !== null) told.violation({ what: `${retry.build_id} retries ${first.build_id}, which was a retry itself`, ...about });
  if (outcome !== undefined && outcome !== "oom")
    told.violation({ what: `${retry.build_id} retries ${first.build_id}, whose launcher reported ${outcome}`, ...about });
  const ran = ranOn(first);
  if (ran === undefined || retry.tier !== TIERS[TIERS.indexOf(ran) + 1])
    told.violation({
      what: `${retry.build_id} ran on ${retry.tier}, and ${first.build_id}, which it retries, on ${ran ?? first.tier}`,
      ...about,
    });
}

/** What a lease's machine amounts to: the largest tier that it holds, never below the one that was asked for. */
function ranOn({ tier, booting_at, offer }: LeaseRow): Tier | undefined {
  const asked = TIERS.find((each) => each === tier);
  if (asked === undefined || booting_at === null || offer === null) return asked;
  return TIERS.findLast((each) => TIER_SIZES[each].memoryMib <= offer.memory_mib && TIERS.indexOf(each) >= TIERS.indexOf(asked)) ?? asked;
}
