// What the pool's commands show, from answers of its API.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Lease, Sizing } from "@triplane/contract";
import { systemClock, systemRandom } from "@triplane/kit";
import type { CommandContext } from "../../framework/command.ts";
import { buildLeases, renderLeases } from "./leases.ts";
import { sizeChart } from "./size-chart.ts";
import { buildSizing, renderSizing } from "./sizing.ts";

const LEASE: Lease = {
  ...{ lease_id: `lease-${"1".repeat(32)}`, build_id: "b1.1", state: "ready", repo: "acme/api", target: "test", platform: "linux/amd64" },
  ...{
    tenant: "default",
    tier: "cx32",
    provider: "hcloud",
    server_type: "cx33",
    location: "fsn1",
    host: "10.0.0.2",
    port: 22,
    user: "root",
  },
  ...{ created_at: 1000, expires_at: 4660, heartbeat_s: 15, cost_cents: 1.2 },
};

function sizingOf(...runs: readonly (readonly [gib: number, lowerBound?: true])[]): Sizing {
  const samples = runs.map(([gib, bound]) => ({
    finished_at: 1,
    tier: "cx22" as const,
    peak_memory_mib: gib * 1024,
    lower_bound: bound === true,
  }));
  return {
    ...{
      repo: "acme/api",
      target: "",
      platform: "linux/amd64",
      tier: "cx32",
      source: "history",
      reason: "because",
      p95_mib: 3 * 1024,
      samples,
    },
  };
}

function contextOf(env: Record<string, string>): CommandContext {
  return { env, cwd: "/", clock: systemClock, random: systemRandom, signal: new AbortController().signal } as unknown as CommandContext;
}

test("renderLeases: which build holds what until when, and what is left over", () => {
  const text = renderLeases(
    { leases: [LEASE, { ...LEASE, lease_id: `lease-${"2".repeat(32)}`, created_at: 500, expires_at: 1000 }], orphans: 0 },
    1060,
  );
  const [, , first = "", second = ""] = text.split("\n");
  assert.match(first, /^lease-2{32} .* now +1\.2 cents$/, "the oldest first");
  assert.match(second, /^lease-1{32} +ready +b1\.1 +acme\/api test +cx32 +cx33 fsn1 10\.0\.0\.2 +1 h 0 min +1\.2 cents$/);
  assert.match(text, /No runner is without a lease\.$/);
  const { host: _host, server_type: _type, location: _place, cost_cents: _cost, ...early } = LEASE;
  assert.match(
    renderLeases({ leases: [{ ...early, state: "creating" }], orphans: 2 }, 1060),
    /creating .* hcloud +1 h 0 min +–\n\n✘ 2 runners without/,
  );
  assert.match(renderLeases({ leases: [], orphans: 0 }, 0), /^Nothing is leased\./);
});

test("sizeChart: a line for each step of memory, p95 and tiers marked, runs out of memory told apart", () => {
  assert.equal(
    sizeChart(sizingOf([2], [2.5], [2.5], [3], [4, true])),
    [
      "  1.5 –   2.0 GiB  █ 1",
      "  2.0 –   2.5 GiB  ██ 2",
      "  2.5 –   3.0 GiB  █ 1 ← p95",
      "  3.0 –   3.5 GiB",
      "  3.5 –   4.0 GiB  ▒ 1",
      "",
      "█ measured   ▒ out of memory: it wanted more",
      "tiers: cx22 4.0   [cx32] 8.0   cx42 16.0   cx52 32.0 GiB",
    ].join("\n"),
  );
  assert.equal(sizeChart(sizingOf()), "");
});

test("sizeChart: whatever the samples, few lines and short ones, and every run in one of them", () => {
  for (const runs of [Array(200).fill([3]), [[0]], [[0], [64]], [[0.01], [31.9, true]], [[1000]]] as (readonly [number, true?])[][]) {
    const lines = sizeChart(sizingOf(...runs))
      .split("\n")
      .filter((line) => line.includes("–"));
    assert.ok(lines.length >= 1 && lines.length <= 17 && lines.every((line) => [...line].length <= 80), lines.join("\n"));
    const shown = lines.reduce((sum, line) => sum + Number(/GiB {2}[█▒]+ (\d+)/.exec(line)?.[1] ?? 0), 0);
    assert.equal(shown, runs.length, lines.join("\n"));
  }
});

test("renderSizing: the build, its tier and the reason", () => {
  assert.match(
    renderSizing({ ...sizingOf(), target: "test" }),
    /^build {2}acme\/api test linux\/amd64\ntier {3}cx32\nwhy {4}because\nruns {3}0$/,
  );
});

test("build leases, build sizing: ask the orchestrator with the token of their environment", async () => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.headers.authorization} ${request.url}`);
    const answer = request.url?.includes("sizing") === true ? sizingOf([3]) : { leases: [LEASE], orphans: 0 };
    response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const context = contextOf({ TRIPLANE_BUILD_ORCHESTRATOR_URL: url, TRIPLANE_BUILD_TOKEN: "t0ken" });
    const leases = await buildLeases.invoke({}, {}, context);
    assert.deepEqual((leases.data as { readonly leases: readonly Lease[] }).leases, [LEASE]);
    const sizing = await buildSizing.invoke({ repo: "acme/api" }, { target: "test", language: "go" }, context);
    assert.equal((sizing.data as Sizing).tier, "cx32");
    const asked = "/api/v1/vm-pool/sizing?repo=acme%2Fapi&target=test&platform=linux%2Famd64&language=go";
    assert.deepEqual(seen, ["Bearer t0ken /api/v1/vm-pool", `Bearer t0ken ${asked}`]);
    await assert.rejects(buildLeases.invoke({}, {}, contextOf({})), { code: "usage" });
    await assert.rejects(buildLeases.invoke({}, { orchestratorUrl: "file:///etc" }, context), { code: "usage" });
  } finally {
    server.close();
  }
});
