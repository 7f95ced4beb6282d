import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Server } from "../provider.ts";
import { leaseOf, OFFERS, settingsOf } from "../testing/leases.ts";
import { isEnded, type LeaseRecord } from "./lease.ts";
import {
  asOf,
  ended,
  failedFor,
  GIVEN_BACK,
  nextStep,
  notFound,
  released,
  type Step,
  withAttempt,
  withoutServer,
  withRunner,
  withServer,
} from "./steps.ts";

const SETTINGS = settingsOf({ heartbeatS: 10, createWithinS: 300, bootWithinS: 200, lateCreateS: 60 });
const ADDRESS = { host: "10.0.0.2", port: 22, user: "root" };

function serverOf(lease: LeaseRecord): Server {
  return { id: "7", name: lease.id, labels: undefined, state: "running", address: ADDRESS, offer: OFFERS[0], createdAtS: 0 };
}

function step(lease: LeaseRecord, nowS: number, heartbeatAtS = nowS): Step | undefined {
  return nextStep(lease, heartbeatAtS, nowS, SETTINGS);
}

test("nextStep: a new lease is created; one whose create is not known is looked up before anything is asked again", () => {
  const lease = leaseOf({ createdAtS: 1000, ttlS: 600 });
  assert.deepEqual(step(lease, 1000), { do: "create" });
  const attempted = withAttempt(lease, OFFERS[0], "golden", 1001);
  assert.deepEqual([attempted.isUnsure, attempted.attempts, step(attempted, 1002)], [true, 1, { do: "look" }]);
  assert.deepEqual(step(notFound(attempted, 1003, SETTINGS), 1003), { do: "create" }, "a name exists once: asking again is safe");
  assert.deepEqual(step(withoutServer(attempted), 1003), { do: "create" });
});

test("nextStep: boots, is probed, and is left alone while its holder shows itself", () => {
  const booting = withServer(withAttempt(leaseOf({ createdAtS: 1000 }), OFFERS[0], "golden", 1000), serverOf(leaseOf({})), 1005);
  assert.deepEqual([booting.state, step(booting, 1010)], ["booting", { do: "probe" }]);
  const ready = withRunner(booting, ADDRESS, 1050);
  assert.deepEqual([ready.state, ready.readyAtS, step(ready, 1100, 1070)], ["ready", 1050, undefined]);
  assert.equal((step(ready, 1101, 1070) as { readonly end: { readonly code: string } }).end.code, "lease_abandoned");
});

test("nextStep: what takes too long, or lives too long, is released with its reason", () => {
  const codeOf = (found: Step | undefined): unknown => (found?.do === "release" ? [found.end.code, found.end.failed] : found);
  const creating = leaseOf({ createdAtS: 1000, ttlS: 3600 });
  assert.deepEqual(codeOf(step(creating, 1300)), ["runner_not_ready", true]);
  const booting = withServer(creating, serverOf(creating), 1100);
  assert.deepEqual([step(booting, 1299), codeOf(step(booting, 1300))], [{ do: "probe" }, ["runner_not_ready", true]]);
  const ready = withRunner(booting, ADDRESS, 1200);
  assert.deepEqual([codeOf(step(ready, 4599)), codeOf(step(ready, 4600))], [undefined, ["lease_expired", false]]);
  assert.deepEqual(codeOf(step(leaseOf({ createdAtS: 1000, ttlS: 60 }), 1060)), ["lease_expired", true]);
});

test("asOf: a lease whose time is over is on its way out before a step says so, and the first reason stays", () => {
  const ready = withRunner(withServer(leaseOf({ createdAtS: 1000, ttlS: 60 }), serverOf(leaseOf({})), 1010), ADDRESS, 1020);
  assert.deepEqual([asOf(ready, 1059), asOf(ready, 1060).state, asOf(ready, 1060).end?.code], [ready, "releasing", "lease_expired"]);
  const leaving = released(ready, GIVEN_BACK);
  assert.deepEqual(asOf(leaving, 1060), leaving);
  const over = ended(leaving, 1030);
  assert.deepEqual(asOf(over, 1060), over);
});

test("runner-always-destroyed: a lease that is released ends only when its server is destroyed, or can no longer come", () => {
  const attempted = withAttempt(leaseOf({ createdAtS: 1000 }), OFFERS[0], "golden", 1001);
  const leaving = released(attempted, GIVEN_BACK);
  assert.deepEqual(step(leaving, 1002), { do: "look" });
  assert.deepEqual(step(notFound(leaving, 1060, SETTINGS), 1060), { do: "look" }, "it may still be on its way");
  assert.deepEqual(step(notFound(leaving, 1061, SETTINGS), 1061), { do: "end" });
  // Looked for while it was wanted, and released right after that.
  assert.deepEqual(step(released(notFound(attempted, 1002, SETTINGS), GIVEN_BACK), 1003), { do: "look" });
  const late = withServer(leaving, serverOf(leaving), 1030);
  assert.deepEqual([late.state, step(late, 1031)], ["releasing", { do: "destroy", serverId: "7" }]);
  assert.deepEqual(step(released(withoutServer(attempted), GIVEN_BACK), 1002), { do: "end" });
});

test("released: the first reason stays, and what is over stays over", () => {
  const leaving = released(leaseOf({}), failedFor("provider_limit", "a quota"));
  assert.equal(released(leaving, GIVEN_BACK), leaving);
  const over = ended(leaving, 2000);
  assert.deepEqual([over.state, over.endedAtS, over.serverId], ["failed", 2000, undefined]);
  assert.equal(ended(released(leaseOf({}), GIVEN_BACK), 2000).state, "gone");
  assert.equal(withServer(over, serverOf(over), 2001), over);
  assert.equal(released(over, GIVEN_BACK), over);
});

/** Whatever happens to a lease, in any order. */
const happenings = fc.array(
  fc.constantFrom<(lease: LeaseRecord, nowS: number) => LeaseRecord>(
    (lease, nowS) => (lease.state === "creating" ? withAttempt(lease, OFFERS[0], "golden", nowS) : lease),
    (lease) => withoutServer(lease),
    (lease, nowS) => withServer(lease, serverOf(lease), nowS),
    (lease, nowS) => (lease.serverId === undefined ? notFound(lease, nowS, SETTINGS) : lease),
    (lease, nowS) => withRunner(lease, ADDRESS, nowS),
    (lease) => released(lease, GIVEN_BACK),
    (lease, nowS) => (nextStep(lease, nowS, nowS, SETTINGS)?.do === "end" ? ended(lease, nowS) : lease),
  ),
  { maxLength: 40 },
);

test("runner-always-destroyed: in no order of things does a lease end with a server, or come back", () => {
  fc.assert(
    fc.property(happenings, fc.nat(100), (acts, paceS) => {
      let lease = leaseOf({ createdAtS: 1000, ttlS: 600 });
      let nowS = 1000;
      for (const act of acts) {
        const before = lease;
        lease = act(lease, nowS);
        if (isEnded(lease) && !isEnded(before)) assert.deepEqual([before.serverId, before.isUnsure], [undefined, false]);
        if (isEnded(before)) assert.equal(lease.state, before.state);
        if (before.state === "releasing") assert.ok(lease.state === "releasing" || isEnded(lease));
        nowS += paceS;
      }
    }),
  );
});
