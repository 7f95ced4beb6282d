// The reaper's judgement: from the provider's list, not from the database. Pure.
//
// 1. Only servers whose labels are ours and of this pool are ever judged; whatever else is in the list is left alone.
// 2. A server whose lease is over is destroyed on sight. One that no lease knows has a time of grace, counted by this pool's own looking,
//    so that no clock but its own counts. `runner-always-destroyed`
import type { Server } from "../provider.ts";
import { isEnded, type LeaseRecord } from "./lease.ts";
import type { PoolSettings } from "./settings.ts";

export interface ReaperView {
  readonly servers: readonly Server[];
  /** Leases by id, at least all that are live and all that a listed server names. */
  readonly leases: ReadonlyMap<string, LeaseRecord>;
  /** When each orphan was first seen, by server id. */
  readonly firstSeenS: ReadonlyMap<string, number>;
  readonly nowS: number;
}

export interface Orphan {
  readonly server: Server;
  readonly since: number;
  readonly why: string;
}

export interface Verdict {
  /** Runners beside those of live leases. */
  readonly orphans: readonly Orphan[];
  /** Those of them whose time is over. */
  readonly destroy: readonly Orphan[];
  /** Live leases whose server is not in the list, or stands still: to be looked at. */
  readonly missing: readonly string[];
}

export function judge(view: ReaperView, settings: Pick<PoolSettings, "pool" | "orphanGraceS">): Verdict {
  const ours = view.servers.filter(({ labels }) => labels?.["managed-by"] === "triplane" && labels.pool === settings.pool);
  const orphans = ours.flatMap((server): Orphan[] => {
    const why = whyOrphan(server, view.leases.get(server.labels?.lease ?? ""));
    return why === undefined ? [] : [{ server, why, since: view.firstSeenS.get(server.id) ?? view.nowS }];
  });
  // One that stands still runs no build any more, as after a restart of its host.
  const listed = new Set(ours.filter(({ state }) => state !== "stopped").map(({ id }) => id));
  return {
    orphans,
    destroy: orphans.filter((orphan) => isDue(orphan, view, settings.orphanGraceS)),
    missing: [...view.leases.values()].filter((lease) => isMissing(lease, listed)).map(({ id }) => id),
  };
}

/** Undefined for the server of a live lease. */
function whyOrphan(server: Server, lease: LeaseRecord | undefined): string | undefined {
  if (lease === undefined) return "no lease knows it";
  if (isEnded(lease)) return `its lease is ${lease.state}`;
  if (lease.serverId !== undefined && lease.serverId !== server.id) return `its lease has the server ${lease.serverId}`;
  // A server under another name than its lease's is none that this pool asked for.
  return server.name === lease.id ? undefined : `its lease is named ${lease.id}`;
}

function isDue({ server, since }: Orphan, { leases, nowS }: ReaperView, graceS: number): boolean {
  const lease = leases.get(server.labels?.lease ?? "");
  if (lease !== undefined && isEnded(lease)) return true;
  return nowS - since >= graceS || nowS >= Number(server.labels?.expires) + graceS;
}

function isMissing(lease: LeaseRecord, listed: ReadonlySet<string>): boolean {
  return (lease.state === "booting" || lease.state === "ready") && lease.serverId !== undefined && !listed.has(lease.serverId);
}
