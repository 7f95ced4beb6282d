import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@triplane/testkit";
import { type ServerType, serverTypeSchema } from "./client/answers.ts";
import { Budget } from "./client/budget.ts";
import { offersOf, Unavailable } from "./offers.ts";
import { selectorOf, serverOf } from "./servers.ts";

const RULES = { locations: [], cpuTypes: [] };

function type(more: Record<string, unknown> = {}): ServerType {
  return serverTypeSchema.parse({
    ...{ id: 1, name: "cx23", cores: 2, memory: 4, disk: 40, cpu_type: "shared", architecture: "x86", deprecation: null, new_member: [1] },
    prices: [{ location: "fsn1", price_hourly: { net: "0.0056000000", gross: "0.0066640000" } }],
    locations: [{ name: "fsn1", available: true, deprecation: null }],
    ...more,
  });
}

test("offersOf: what is not available, deprecated, without a price or of an unknown architecture is left out", () => {
  assert.equal(offersOf([type()], RULES).length, 1);
  const deprecation = { announced: "2026-01-01T00:00:00+00:00", unavailable_after: "2026-04-01T00:00:00+00:00" };
  for (const more of [
    { locations: [{ name: "fsn1", available: false }] },
    { locations: [{ name: "fsn1", available: true, deprecation }] },
    { deprecation },
    { prices: [] },
    { architecture: "riscv" },
    { architecture: "constructor" },
    { locations: [] },
  ])
    assert.deepEqual(offersOf([type(more)], RULES), [], JSON.stringify(more));
  assert.deepEqual(offersOf([type()], { ...RULES, locations: ["nbg1"] }), []);
  assert.deepEqual(offersOf([type()], { ...RULES, cpuTypes: ["dedicated"] }), []);
});

test("offersOf: cents are exact, and equal prices come in the order of the places that were named", () => {
  const at = (location: string) => ({ location, price_hourly: { net: "0.0281000000" } });
  const both = type({ prices: [at("fsn1"), at("nbg1")], locations: ["fsn1", "nbg1"].map((name) => ({ name, available: true })) });
  const offers = offersOf([both], { ...RULES, locations: ["nbg1", "fsn1"] });
  assert.deepEqual(
    offers.map(({ location, centsPerHour }) => [location, centsPerHour]),
    [
      ["nbg1", 2.81],
      ["fsn1", 2.81],
    ],
  );
});

test("Unavailable: forgets after its time", () => {
  const clock = manualClock();
  const unavailable = new Unavailable(clock, 1000);
  const offers = offersOf([type()], RULES);
  unavailable.remember({ type: "cx23", location: "fsn1" });
  assert.deepEqual(unavailable.without(offers), []);
  clock.advance(1000);
  assert.deepEqual(unavailable.without(offers), offers);
});

test("Budget: refills as the limit says, and nonsense in headers changes nothing", () => {
  const clock = manualClock(1_000_000);
  const budget = new Budget(clock);
  const read = (limit: string, remaining: string) =>
    budget.read(new Headers({ "ratelimit-limit": limit, "ratelimit-remaining": remaining }));
  assert.equal(budget.now(), undefined);
  read("3600", "3000");
  assert.deepEqual(budget.now(), { limit: 3600, remaining: 3000, fullAtS: 1600 });
  clock.advance(100_500);
  assert.deepEqual(budget.now(), { limit: 3600, remaining: 3100, fullAtS: 1600 });
  for (const [limit, remaining] of [
    ["x", "1"],
    ["0", "0"],
    ["10", "11"],
    ["-1", "1"],
    ["99999999999", "1"],
  ] as const)
    read(limit, remaining);
  assert.equal(budget.now()?.limit, 3600);
  clock.advance(10_000_000);
  assert.equal(budget.now()?.remaining, 3600);
});

test("serverOf: off means being made for a while, and stopped after that; labels of others are none", () => {
  const server = {
    ...{ id: 7, name: "lease-1", created: 1000, server_type: { name: "cx23" }, location: { name: "fsn1" }, labels: {} },
    public_net: { ipv4: { ip: "198.51.100.7" } },
  };
  const login = { port: 2222, user: "root" };
  const state = (status: string, nowS: number) => serverOf({ ...server, status }, login, nowS).state;
  assert.deepEqual([state("off", 1010), state("off", 2000)], ["starting", "stopped"]);
  assert.deepEqual(
    ["initializing", "starting", "running", "stopping", "deleting", "rebuilding", "migrating", "unknown", "of-tomorrow"].map((each) =>
      state(each, 2000),
    ),
    ["starting", "starting", "running", "stopped", "ending", "starting", "starting", "starting", "starting"],
  );
  const labels = { "managed-by": "triplane", pool: "main", lease: "lease-1", tenant: "default", tier: "cx22", expires: "1" };
  assert.deepEqual(serverOf({ ...server, status: "off", labels: { ...labels, more: "x" } }, login, 0).labels, labels);
  for (const bad of [{ "managed-by": "somebody" }, { tier: "cx99" }, { expires: "soon" }, { pool: "" }])
    assert.equal(serverOf({ ...server, status: "off", labels: { ...labels, ...bad } }, login, 0).labels, undefined);
  assert.equal(serverOf({ ...server, status: "off", public_net: {}, location: null }, login, 0).address, undefined);
});

test("selectorOf: only what can be a label", () => {
  assert.equal(selectorOf({ "managed-by": "triplane", pool: "main" }), "managed-by=triplane,pool=main");
  for (const bad of [{ a: "" }, { a: "b,c" }, { a: "b)" }, { "!a": "b" }, { "a b": "c" }, { a: "x".repeat(64) }])
    assert.throws(() => selectorOf(bad), { code: "provider_failed" });
});
