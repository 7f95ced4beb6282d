// Leases on a real bucket, with clocks that the test moves.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buckets } from "@triplane/contract";
import { eventually, manualClock, rejects, startNats } from "@triplane/testkit";
import { awaitLease } from "./lease.ts";
import type { LeaseRequest } from "./types.ts";

const bucket = buckets("w1").lease;
const request = (owner: string): LeaseRequest => ({ key: "controller", owner, ttlMs: 9000 });

describe("acquireLease", () => {
  it("is renewed while it is held: a second holder stays out beyond the first expiry", async () => {
    await using nats = await startNats();
    const clock = manualClock();
    const one = await nats.bus("controller", { clock });
    const two = await nats.bus("controller", { clock });
    const lease = await one.acquireLease(bucket, request("a"));
    const kv = await one.keyValue(bucket);
    for (let step = 0; step < 6; step += 1) {
      const before = (await kv.get("controller"))?.revision ?? 0;
      clock.advance(4000);
      await eventually(async () => ((await kv.get("controller"))?.revision ?? 0) > before, { what: "a renewal" });
      await rejects(two.acquireLease(bucket, request("b")), "lease_held");
    }
    assert.equal(lease.lost.aborted, false);
    await lease.release();
  });

  it("ops-controller-single-workqueue-consumer: after the holder is gone the next one gets a greater fence", async () => {
    await using nats = await startNats();
    const clock = manualClock();
    const one = await nats.bus("controller", { clock: manualClock() });
    const first = await one.acquireLease(bucket, request("a"));
    await one.close();
    const two = await nats.bus("controller", { clock });
    await rejects(two.acquireLease(bucket, request("b")), "lease_held");
    clock.advance(9001);
    const second = await two.acquireLease(bucket, request("b"));
    assert.ok(second.fence > first.fence);
    await second.release();
  });

  it("lease_lost: fires before the expiry that others see, when no renewal is confirmed", async () => {
    await using nats = await startNats();
    const clock = manualClock();
    const bus = await nats.bus("controller", { clock, requestTimeoutMs: 200 });
    const lease = await bus.acquireLease(bucket, request("a"));
    await nats.kill();
    clock.advance(7000);
    assert.equal(lease.lost.aborted, false);
    clock.advance(300);
    await eventually(() => lease.lost.aborted);
    await rejects(Promise.reject(lease.lost.reason), "lease_lost");
    await lease.release();
  });

  it("lease_lost: a holder that slept through its lease learns that another has it", async () => {
    await using nats = await startNats();
    const sleeping = manualClock();
    const one = await nats.bus("controller", { clock: sleeping });
    const lease = await one.acquireLease(bucket, request("a"));
    const awake = manualClock();
    awake.advance(9001);
    const two = await nats.bus("controller", { clock: awake });
    const other = await two.acquireLease(bucket, request("a"));
    // The first wakes just when it would renew: the same owner's name does not make the lease its own.
    sleeping.advance(3500);
    await eventually(() => lease.lost.aborted);
    assert.equal(other.lost.aborted, false);
    assert.ok(other.fence > lease.fence);
    await other.release();
  });

  it("takes its own renewal for its own, though the confirmation was lost", async () => {
    await using nats = await startNats();
    const clock = manualClock();
    const bus = await nats.bus("controller", { clock });
    const lease = await bus.acquireLease(bucket, request("a"));
    const kv = await bus.keyValue(bucket);
    const entry = await kv.get("controller");
    assert.ok(entry);
    // What a renewal leaves behind whose confirmation never arrived: the same record at a revision that the holder does not know.
    await kv.update("controller", entry.value, entry.revision);
    clock.advance(3500);
    await eventually(async () => ((await kv.get("controller"))?.revision ?? 0) >= entry.revision + 1);
    clock.advance(3500);
    await eventually(async () => ((await kv.get("controller"))?.revision ?? 0) > entry.revision + 1);
    assert.equal(lease.lost.aborted, false);
    await lease.release();
  });

  it("no-fail-open: a record that cannot be read is nobody's lease to take", async () => {
    await using nats = await startNats();
    const bus = await nats.bus("controller");
    const kv = await bus.keyValue(bucket);
    let revision = await kv.create("controller", "not a record");
    for (const value of ["{}", "null", '{"owner":"a","nonce":"n","expires_at":"soon"}']) {
      await rejects(bus.acquireLease(bucket, request("b")), "lease_held");
      revision = await kv.update("controller", value, revision ?? 0);
    }
    await rejects(bus.acquireLease(bucket, request("b")), "lease_held");
  });
});

describe("awaitLease", () => {
  it("a standby waits, then takes over with a greater fence", async () => {
    await using nats = await startNats();
    const one = await nats.bus("controller");
    const two = await nats.bus("controller");
    const first = await one.acquireLease(bucket, request("a"));
    const stop = new AbortController();
    const waiting = awaitLease(two, bucket, request("b"), { pollMs: 20, signal: stop.signal });
    await first.release();
    const second = await waiting;
    assert.ok(second.fence > first.fence);
    await second.release();
  });

  it("stops waiting when it is told to", async () => {
    await using nats = await startNats();
    const bus = await nats.bus("controller");
    const held = await bus.acquireLease(bucket, request("a"));
    const stop = new AbortController();
    const waiting = awaitLease(bus, bucket, request("b"), { pollMs: 60_000, signal: stop.signal });
    stop.abort();
    await rejects(waiting, "lease_held");
    await held.release();
  });

  it("gives up on what only people can repair", async () => {
    await using nats = await startNats();
    const keeper = await nats.bus("keeper");
    await rejects(awaitLease(keeper, bucket, request("b"), { pollMs: 20, signal: new AbortController().signal }), "bus_denied");
  });
});
