import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "@triplane/contract";
import fc from "fast-check";
import type { InstanceSpec, InstanceState } from "./model.ts";
import { describe, makePlan, plan, type Wanted } from "./plan.ts";

const spec: fc.Arbitrary<InstanceSpec> = fc.record(
  {
    component: fc.constantFrom("web", "kv"),
    version: fc.constantFrom("1.0.0", "1.1.0"),
    definition: fc.constantFrom(digestOf("a"), digestOf("b")),
    replicas: fc.integer({ min: 1, max: 4 }),
    settings: fc.dictionary(fc.constantFrom("a", "b"), fc.integer(), { noNullPrototype: true }),
    managed_by: fc.constantFrom("op", "desired"),
  },
  { noNullPrototype: true },
);
const target = fc.constantFrom("a", "b", "c", "d");
const actualMap = fc
  .uniqueArray(fc.tuple(target, spec), { selector: ([name]) => name })
  .map((entries) => new Map<string, InstanceState>(entries.map(([name, each]) => [name, { ...each, generation: `of-${name}` }])));
const wantedMap = fc
  .uniqueArray(fc.tuple(target, fc.option(spec, { nil: undefined })), { selector: ([name]) => name })
  .map((entries) => new Map<string, Wanted>(entries.map(([name, present]) => [name, present === undefined ? {} : { present }])));

function applied(actual: ReadonlyMap<string, InstanceState>, wanted: ReadonlyMap<string, Wanted>): Map<string, InstanceState> {
  const next = new Map(actual);
  for (const change of plan(wanted, actual)) {
    if (change.after === undefined) next.delete(change.target);
    else next.set(change.target, { ...change.after, generation: change.renews ? "new" : (change.before?.generation ?? "new") });
  }
  return next;
}

test("plan: carrying it out gives what was wanted, and leaves alone what was not named", () => {
  fc.assert(
    fc.property(wantedMap, actualMap, (wanted, actual) => {
      const next = applied(actual, wanted);
      for (const [name, { present }] of wanted) {
        const { generation: _generation, ...got } = next.get(name) ?? { generation: "" };
        assert.deepEqual(got, present ?? {});
      }
      for (const [name, state] of actual) if (!wanted.has(name)) assert.deepEqual(next.get(name), state);
    }),
  );
});

test("plan: planning again after carrying it out finds nothing to do", () => {
  fc.assert(
    fc.property(wantedMap, actualMap, (wanted, actual) => {
      for (const change of plan(wanted, applied(actual, wanted))) assert.equal(change.action, "none");
    }),
  );
});

test("plan: the order of the wanted targets does not matter", () => {
  fc.assert(
    fc.property(wantedMap, actualMap, (wanted, actual) => {
      assert.deepEqual(plan(new Map([...wanted].reverse()), actual), plan(wanted, actual));
    }),
  );
});

const before: InstanceState = {
  ...{ component: "web", version: "1.0.0", definition: digestOf("a"), replicas: 2, settings: {}, managed_by: "op", generation: "g" },
};
const { generation: _generation, ...same } = before;
const actual = new Map([["web", before]]);
const only = (wanted: Wanted) => plan(new Map([["web", wanted]]), actual)[0];

test("plan: processes are replaced when their program changes or a restart is wanted, not when they are counted or kept differently", () => {
  const cases: readonly (readonly [Wanted, string, boolean])[] = [
    [{ present: same }, "none", false],
    [{ present: same, restart: true }, "restart", true],
    [{ present: { ...same, replicas: 3 } }, "scale", false],
    [{ present: { ...same, managed_by: "desired" } }, "update", false],
    [{ present: { ...same, settings: { title: "x" } } }, "update", true],
    [{ present: { ...same, definition: digestOf("b") } }, "update", true],
  ];
  for (const [wanted, action, renews] of cases) {
    const change = only(wanted);
    assert.deepEqual([change?.action, change?.renews], [action, renews]);
  }
});

test("plan: removing what is not there is nothing", () => {
  assert.deepEqual(plan(new Map([["kv", {}]]), actual), []);
});

test("makePlan: the digest covers every member", () => {
  const change = only({ present: { ...same, replicas: 3 } });
  assert.ok(change);
  const body = { workspace: "w1", op: "component.scale", target: "web", state_version: 3, actions: [describe(change)] };
  const { digest } = makePlan(body);
  assert.equal(makePlan(structuredClone(body)).digest, digest);
  for (const other of [{ workspace: "w2" }, { op: "component.deploy" }, { target: "kv" }, { state_version: 4 }, { actions: [] }]) {
    assert.notEqual(makePlan({ ...body, ...other }).digest, digest);
  }
});

test("describe: a generation never shows, so that two plans of the same change are one", () => {
  const change = only({});
  assert.ok(change);
  assert.equal(describe(change).before?.["generation"], undefined);
  assert.match(describe(change).summary, /^remove web \(web 1\.0\.0, 2 replicas\)/);
});
