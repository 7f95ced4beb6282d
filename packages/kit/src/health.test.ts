// Tests of the health pages and of the metrics on them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Health, serveHealth } from "./health.ts";
import { createMetrics } from "./metrics.ts";
import { freePort } from "./ports.ts";

async function withServer(health: () => Health | Promise<Health>, work: (base: string) => Promise<void>): Promise<void> {
  const metrics = createMetrics({ name: "keeper" });
  metrics.counter("keeper_decisions_total").add({ verdict: "admit" });
  metrics.gauge("keeper_open_reviews").set(3);
  metrics.histogram("controller_apply_seconds").observe(0.5);
  const server = await serveHealth(0, { name: "keeper", metrics, health });
  try {
    await work(`http://127.0.0.1:${server.port}`);
  } finally {
    await server.close();
  }
}

test("serveHealth: 200 while healthy, 503 when not, with the facts", async () => {
  let ok = true;
  await withServer(
    () => ({ ok, detail: { bus: ok ? "connected" : "lost" } }),
    async (base) => {
      const healthy = await fetch(`${base}/healthz`);
      assert.equal(healthy.status, 200);
      assert.deepEqual(await healthy.json(), { name: "keeper", ok: true, detail: { bus: "connected" } });
      ok = false;
      const ill = await fetch(`${base}/healthz`);
      assert.equal(ill.status, 503);
      assert.deepEqual(await ill.json(), { name: "keeper", ok: false, detail: { bus: "lost" } });
    },
  );
});

test("serveHealth: a check that throws is ill, and does not say why to whoever asks", async () => {
  await withServer(
    () => {
      throw new Error("password=hunter2");
    },
    async (base) => {
      const answer = await fetch(`${base}/healthz`);
      assert.equal(answer.status, 503);
      assert.ok(!(await answer.text()).includes("hunter2"));
    },
  );
});

test("serveHealth: /metrics has every metric with its prefix, labels and daemon", async () => {
  await withServer(
    () => ({ ok: true }),
    async (base) => {
      const page = await (await fetch(`${base}/metrics`)).text();
      assert.match(page, /^triplane_keeper_decisions_total\{verdict="admit",daemon="keeper"\} 1$/m);
      assert.match(page, /^triplane_keeper_open_reviews\{daemon="keeper"\} 3$/m);
      assert.match(page, /^triplane_controller_apply_seconds_bucket\{.*le="1".*\} 1$/m);
    },
  );
});

test("serveHealth: answers nothing else", async () => {
  await withServer(
    () => ({ ok: true }),
    async (base) => {
      assert.equal((await fetch(`${base}/`)).status, 404);
      assert.equal((await fetch(`${base}/healthz`, { method: "POST" })).status, 405);
    },
  );
});

test("serveHealth: a port that is taken is a wrong configuration", async () => {
  const port = await freePort();
  const options = { name: "keeper", metrics: createMetrics({ name: "keeper", processMetrics: true }), health: () => ({ ok: true }) };
  const first = await serveHealth(port, options);
  try {
    await assert.rejects(serveHealth(port, options), { code: "config_invalid" });
  } finally {
    await first.close();
  }
});
