// What every driver promises, as tests that run on each of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Driver } from "../drivers/driver.ts";
import type { InstanceState } from "../model.ts";
import { eventually, newJti } from "../testing.ts";

export interface DriverHarness extends AsyncDisposable {
  /** The driver after the last `restart`. */
  driver(): Driver;
  /** Another driver over what the last one left; it knows of `instances`. */
  restart(instances: ReadonlyMap<string, InstanceState>): Promise<void>;
  /** How often something really happened to the instance. */
  effects(target: string): Promise<number>;
  /** A state that can be reached; each number gives another one. */
  state(number: number, generation: string): Promise<InstanceState>;
  /** A state that cannot be reached for the target, now. */
  impossible(target: string, generation: string): Promise<InstanceState>;
}

export function testDriver(name: string, open: () => Promise<DriverHarness>): void {
  test(`${name}: the same state again has no effect, another state has one`, async () => {
    await using harness = await open();
    const [first, second] = [await harness.state(1, newJti()), await harness.state(2, newJti())];
    await reach(harness, "a", undefined, first);
    assert.equal(await harness.effects("a"), 1);
    await reach(harness, "a", undefined, first);
    await reach(harness, "a", first, first);
    assert.equal(await harness.effects("a"), 1);
    await reach(harness, "a", first, second);
    assert.equal(await harness.effects("a"), 2);
    assert.equal(harness.driver().health("a"), "healthy");
  });

  test(`${name}: a new generation of the same state is an effect (restart)`, async () => {
    await using harness = await open();
    const before = await harness.state(1, newJti());
    await reach(harness, "a", undefined, before);
    await reach(harness, "a", before, { ...before, generation: newJti() });
    assert.equal(await harness.effects("a"), 2);
  });

  test(`${name}: what is removed is gone, and may be removed again`, async () => {
    await using harness = await open();
    const state = await harness.state(1, newJti());
    await reach(harness, "a", undefined, state);
    for (const jti of [newJti(), newJti()]) {
      const removed = await harness.driver().converge({ target: "a", want: undefined, previous: state, jti });
      assert.deepEqual([removed.ok, harness.driver().health("a")], [true, "stopped"]);
    }
    assert.equal(harness.driver().health("never-there"), "stopped");
  });

  test(`${name}: what cannot be reached leaves the state before`, async () => {
    await using harness = await open();
    const before = await harness.state(1, newJti());
    await reach(harness, "a", undefined, before);
    const want = await harness.impossible("a", newJti());
    const failed = await harness.driver().converge({ target: "a", want, previous: before, jti: want.generation });
    assert.ok(!failed.ok);
    assert.equal(typeof failed.evidence["rollback"], "string");
    await eventually("healthy as before", () => harness.driver().health("a") === "healthy" || undefined);
    const new1 = await harness.impossible("b", newJti());
    assert.ok(!(await harness.driver().converge({ target: "b", want: new1, previous: undefined, jti: new1.generation })).ok);
    assert.equal(harness.driver().health("b"), "stopped");
  });

  test(`${name}: the next driver finds what the last one left, without an effect`, async () => {
    await using harness = await open();
    const state = await harness.state(1, newJti());
    await reach(harness, "a", undefined, state);
    await harness.restart(new Map([["a", state]]));
    await eventually("healthy again", () => harness.driver().health("a") === "healthy" || undefined);
    await reach(harness, "a", undefined, state);
    assert.equal(await harness.effects("a"), 1);
  });

  test(`${name}: instances side by side do not touch one another`, async () => {
    await using harness = await open();
    const states = await Promise.all(["a", "b", "c"].map(async (target) => ({ target, state: await harness.state(1, newJti()) })));
    await Promise.all(states.map(({ target, state }) => reach(harness, target, undefined, state)));
    for (const { target } of states) assert.deepEqual([await harness.effects(target), harness.driver().health(target)], [1, "healthy"]);
  });
}

async function reach(harness: DriverHarness, target: string, previous: InstanceState | undefined, want: InstanceState): Promise<void> {
  const result = await harness.driver().converge({ target, want, previous, jti: want.generation });
  assert.ok(result.ok, result.ok ? "" : result.message);
}
