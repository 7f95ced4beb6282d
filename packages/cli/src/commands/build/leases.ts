// triplane build leases: what the pool has leased, and what is left over.
import { type Lease, type LeaseList, nowSeconds } from "@triplane/contract";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { counted, span, table } from "../../framework/table.ts";
import { poolOf, poolOptions } from "./pool.ts";

export const buildLeases = defineCommand({
  description:
    "Leases of machines that are not over, oldest first: which build holds each, what it is, how long it may still live and what it has cost so far. The last line says how many runners the provider has beside those of live leases: 0 when all is well; the pool's reaper destroys others by itself.",
  args: z.strictObject({}),
  options: z.strictObject(poolOptions),
  examples: [
    { command: "triplane build leases", what: "what is leased now" },
    { command: "triplane build leases --json", what: "the same, with every member that the API has" },
  ],
  run: async ({ options }, context) => {
    const list = await (await poolOf(options, context)).leases();
    return { ...list, at: nowSeconds(context.clock) };
  },
  render: (data) => renderLeases(data, data.at),
});

const HEADINGS = ["LEASE", "STATE", "BUILD", "REPOSITORY", "TIER", "MACHINE", "ENDS IN", "COST"];

export function renderLeases({ leases, orphans }: LeaseList, nowS: number): string {
  const rows = leases.toSorted((a, b) => a.created_at - b.created_at).map((lease) => rowOf(lease, nowS));
  const left =
    orphans === 0
      ? "No runner is without a lease."
      : `✘ ${counted(orphans, "runner")} without a live lease: the reaper destroys what stays so.`;
  return [rows.length === 0 ? "Nothing is leased." : table(HEADINGS, rows), "", left].join("\n");
}

function rowOf(lease: Lease, nowS: number): readonly string[] {
  const what = [lease.repo, ...(lease.target === "" ? [] : [lease.target])].join(" ");
  const machine = [lease.server_type, lease.location, lease.host].filter((part) => part !== undefined).join(" ");
  return [
    ...[lease.lease_id, lease.state, lease.build_id, what, lease.tier, machine === "" ? lease.provider : machine],
    ...[
      nowS >= lease.expires_at ? "now" : span(lease.expires_at - nowS),
      lease.cost_cents === undefined ? "–" : `${lease.cost_cents} cents`,
    ],
  ];
}
