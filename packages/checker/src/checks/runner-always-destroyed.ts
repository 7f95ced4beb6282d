// runner-always-destroyed: no lease is over while it has a server, none lives on after its time, and no runner is without a live lease.
import type { Evidence } from "../evidence.ts";
import type { Case } from "../report.ts";
import type { LeaseRow, PoolRows } from "../sources/pool.ts";

/** How long the pool may take to end a lease whose time is over, and its reaper to destroy a runner that no lease knows. Seconds. */
const BOUND_S = 15 * 60;
const OVER = ["gone", "failed"];

export function checkRunners(evidence: Evidence, told: Case): void {
  const orchestrator = told.need(evidence.orchestrator);
  if (orchestrator === undefined) return;
  const { early, late } = orchestrator;
  const { leases, reaper, unreadable } = late.pool;
  const rows = [...leases.values()];
  const live = rows.filter(({ state }) => !OVER.includes(state));
  told.count("leases", rows.length);
  told.count("live leases", live.length);
  for (const row of unreadable) told.violation({ what: `${row} is no row that the pool writes`, row });
  for (const lease of rows.filter(({ state }) => OVER.includes(state))) checkEnd(lease, told);
  for (const lease of live) checkLife(lease, reaper?.at, told);
  checkTwice(rows, live, told);
  checkReaper(late.pool, told);
  checkSeen(evidence, early.pool, late.pool, told);
  if (rows.length === 0 && unreadable.length === 0 && reaper === undefined)
    told.cannot("no lease of a machine was ever recorded: there is nothing to check");
}

function checkEnd(lease: LeaseRow, told: Case): void {
  const about = { row: `leases/${lease.id}` };
  if (lease.server_id !== null)
    told.violation({ what: `${lease.id} is ${lease.state} and still has the server ${lease.server_id}`, ...about });
  if (lease.ended_at === null) told.violation({ what: `${lease.id} is ${lease.state}, and it is not recorded when it ended`, ...about });
}

/** By the pool's own clock, as it stood at the reaper's last pass. */
function checkLife(lease: LeaseRow, passedAtS: number | undefined, told: Case): void {
  const about = { row: `leases/${lease.id}` };
  const lateS = (passedAtS ?? 0) - lease.expires_at;
  if (lateS > BOUND_S) told.violation({ what: `${lease.id} is ${lease.state} ${lateS} s after its time was over`, ...about });
  else told.inFlight(`${lease.id} is ${lease.state}`, about);
}

function checkTwice(rows: readonly LeaseRow[], live: readonly LeaseRow[], told: Case): void {
  const once = (which: readonly LeaseRow[], what: string, of: (lease: LeaseRow) => string | null): void => {
    const seen = new Map<string, string>();
    for (const lease of which) {
      const value = of(lease);
      if (value === null) continue;
      const first = seen.get(value);
      if (first !== undefined)
        told.violation({ what: `${first} and ${lease.id} both have the ${what} ${value}`, row: `leases/${lease.id}` });
      seen.set(value, lease.id);
    }
  };
  once(live, "server", ({ server_id }) => server_id);
  once(rows, "build id", ({ build_id }) => build_id);
}

function checkReaper({ reaper, leases }: PoolRows, told: Case): void {
  if (reaper === undefined) {
    if (leases.size > 0) told.inFlight("the reaper has not made a pass yet");
    return;
  }
  told.count("runners at the reaper's last pass", reaper.servers);
  told.saw(
    `at its last pass, at ${new Date(reaper.at * 1000).toISOString()}, the reaper saw ${reaper.servers} runners by the pool's label`,
  );
  if (reaper.orphans === 0) return;
  const sinceS = reaper.at - (reaper.oldest_orphan_at ?? reaper.at);
  const what = `${reaper.orphans} runners have no live lease, one of them for ${sinceS} s`;
  if (sinceS > BOUND_S) told.violation({ what, row: "pool/reaper" });
  else told.inFlight(what, { row: "pool/reaper" });
}

/** A lease is over only after its runner was destroyed, and is stored before its runner is asked for. */
function checkSeen({ runners }: Evidence, early: PoolRows, late: PoolRows, told: Case): void {
  if (runners === undefined) {
    told.saw("nothing said where the provider's own list is: the reaper's last pass was believed");
    return;
  }
  const seen = told.need(runners);
  if (seen === undefined) return;
  told.count("runners that the provider has", seen.length);
  told.saw(`the provider itself has ${seen.length} runners`);
  for (const { id, name, lease } of seen) {
    const before = early.leases.get(lease);
    if (before !== undefined && OVER.includes(before.state))
      told.violation({ what: `the runner ${id} is there, and its lease ${lease} is ${before.state}` });
    else if (!late.leases.has(lease)) told.inFlight(`the runner ${id}, called ${name}, is of no lease that the pool knows`);
  }
}
