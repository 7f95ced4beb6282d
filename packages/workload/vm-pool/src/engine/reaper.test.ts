import assert from "node:assert/strict";
import { test } from "node:test";
import type { Server, ServerLabels } from "../provider.ts";
import { leaseOf, settingsOf } from "../testing/leases.ts";
import type { LeaseRecord } from "./lease.ts";
import { judge, type Verdict } from "./reaper.ts";

const SETTINGS = settingsOf({ orphanGraceS: 100 });
const idOf = (digit: string): string => `lease-${digit.repeat(32)}`;

function serverOf(digit: string, more: Partial<Server> = {}, labels: Partial<ServerLabels> = {}): Server {
  const lease = idOf(digit);
  return {
    ...{ id: digit, name: lease, state: "running", address: undefined, offer: { type: "s2", location: "a" }, createdAtS: 0 },
    labels: { "managed-by": "triplane", pool: "pool-a", lease, tenant: "default", tier: "cx22", expires: "9000", ...labels },
    ...more,
  };
}

function judged(servers: readonly Server[], leases: readonly LeaseRecord[], nowS = 1000, seen: Record<string, number> = {}): Verdict {
  const view = { servers, leases: new Map(leases.map((lease) => [lease.id, lease])), firstSeenS: new Map(Object.entries(seen)), nowS };
  return judge(view, SETTINGS);
}

const idsOf = (orphans: Verdict["orphans"]): readonly string[] => orphans.map(({ server }) => server.id);

test("judge: strangers and other pools are nobody's orphans", () => {
  const strangers = [
    serverOf("1", { labels: undefined }),
    serverOf("2", {}, { pool: "pool-b" }),
    serverOf("3", {}, { "managed-by": "somebody" as "triplane" }),
  ];
  assert.deepEqual(judged(strangers, [], 999_999), { orphans: [], destroy: [], missing: [] });
});

test("judge: the server of a live lease stays, also while nobody knows whether its create worked", () => {
  for (const lease of [
    leaseOf({ id: idOf("1") }),
    leaseOf({ id: idOf("1"), state: "ready", serverId: "1" }),
    leaseOf({ id: idOf("1"), state: "releasing", serverId: "1" }),
  ])
    assert.deepEqual(judged([serverOf("1")], [lease], 999_999), { orphans: [], destroy: [], missing: [] });
});

test("runner-always-destroyed: what belongs to a lease that is over goes at once; what no lease knows after a while, or when its label says so", () => {
  const over = leaseOf({ id: idOf("1"), state: "gone" });
  assert.deepEqual(idsOf(judged([serverOf("1")], [over]).destroy), ["1"]);
  const unknown = serverOf("2");
  assert.deepEqual([judged([unknown], []).orphans.length, judged([unknown], []).destroy.length], [1, 0]);
  assert.deepEqual(idsOf(judged([unknown], [], 1100, { 2: 1000 }).destroy), ["2"]);
  assert.deepEqual(idsOf(judged([unknown], [], 1099, { 2: 1000 }).destroy), []);
  assert.deepEqual(idsOf(judged([serverOf("3", {}, { expires: "900" })], [], 1000).destroy), ["3"]);
  assert.deepEqual(idsOf(judged([serverOf("4", {}, { expires: "never" })], [], 1000).destroy), [], "a label that is no time says nothing");
});

test("judge: a second server of a live lease, or one under another name, is an orphan", () => {
  const live = leaseOf({ id: idOf("1"), state: "ready", serverId: "1" });
  assert.deepEqual(idsOf(judged([serverOf("1"), serverOf("1", { id: "1b" })], [live]).orphans), ["1b"]);
  assert.deepEqual(idsOf(judged([serverOf("1", { name: "other" })], [live]).orphans), ["1"]);
});

test("judge: a live lease whose server is not listed, or stands still, is looked at", () => {
  const lease = (digit: string, state: LeaseRecord["state"]): LeaseRecord => leaseOf({ id: idOf(digit), state, serverId: digit });
  const verdict = judged(
    [serverOf("2", { state: "stopped" }), serverOf("3")],
    [lease("1", "ready"), lease("2", "ready"), lease("3", "booting"), lease("4", "releasing"), leaseOf({ id: idOf("5") })],
  );
  assert.deepEqual([verdict.missing, verdict.orphans], [[idOf("1"), idOf("2")], []]);
});
