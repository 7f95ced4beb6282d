// A running workspace as those see it who watch: metrics by the list, logs by the jti, a trace through every plane, and Prometheus with our configuration.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { EVERY_DAEMON_METRICS, METRIC_PREFIX, METRICS_OF, type MeasuredDaemon, VM_POOL_METRICS } from "@triplane/contract";
import { findTool, freePort, SPANS, traceIdOf } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import { DASHBOARDS, panelsOf } from "../../tools/observability/dashboards.ts";
import { type Installation, installation, ROOT } from "../e2e/installation.ts";
import { type Ran, run } from "../e2e/program.ts";
import { type Collector, startCollector } from "./collector.ts";

type Line = Readonly<Record<string, unknown>>;
interface Target {
  readonly targets: readonly [string];
  readonly labels: { readonly job: MeasuredDaemon };
}

let collector: Collector;
let installed: Installation;
let jti: string;
let targets: readonly Target[];
let prometheus: ChildProcess;
let prometheusUrl: string;

async function triplane(...args: readonly string[]): Promise<Ran> {
  const env = { ...installed.env, TRIPLANE_OTLP_ENDPOINT: collector.url };
  const ran = await run(installed.program("triplane"), args, { cwd: installed.folder, env, timeoutMs: 300_000 });
  assert.equal(ran.code, 0, `${args.join(" ")}: ${ran.err}`);
  return ran;
}

before(async () => {
  collector = await startCollector();
  installed = await installation("watching");
  await triplane("init");
  await triplane("up", "--detach");
  const submitted = await triplane("op", "submit", "component.deploy", "web", "--arg", "component=web", "--as", "ana", "--wait", "--json");
  jti = (JSON.parse(submitted.out) as { op: { jti: string } }).op.jti;
  await triplane("op", "wait", "--as", "ana", "--ledger");
  targets = JSON.parse((await triplane("scrape-targets")).out) as readonly Target[];
  await startPrometheus();
});

async function startPrometheus(): Promise<void> {
  const folder = join(installed.folder, "watching");
  await cp(join(ROOT, "deploy/observability/prometheus"), folder, { recursive: true });
  await mkdir(join(folder, "targets"));
  await writeFile(join(folder, "targets", "local.json"), JSON.stringify(targets));
  const port = await freePort();
  prometheusUrl = `http://127.0.0.1:${port}`;
  const flags = [`--config.file=${join(folder, "prometheus.yml")}`, `--storage.tsdb.path=${join(folder, "data")}`];
  const { path } = await findTool("prometheus");
  prometheus = spawn(path, [...flags, `--web.listen-address=127.0.0.1:${port}`], { stdio: "ignore" });
}

after(async () => {
  if (prometheus !== undefined) {
    prometheus.kill();
    await once(prometheus, "exit");
  }
  await triplane("down");
  await collector.close();
  await installed[Symbol.asyncDispose]();
});

async function ask<T>(path: string): Promise<T> {
  const answer = (await (await fetch(`${prometheusUrl}/api/v1/${path}`)).json()) as { status: string; data: T };
  assert.equal(answer.status, "success", path);
  return answer.data;
}

async function linesOf(process: string): Promise<readonly Line[]> {
  const text = await readFile(join(installed.folder, ".triplane", "logs", `${process}.log`), "utf8");
  return text.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Line] : []));
}

describe("a workspace that is watched", () => {
  it("every daemon exports the metrics of the list and no other", async () => {
    assert.ok(targets.length >= 5);
    for (const {
      targets: [address],
      labels,
    } of targets) {
      const page = await (await fetch(`http://${address}/metrics`)).text();
      const exported = [...page.matchAll(/^# TYPE triplane_(\S+) /gm)].map(([, name]) => name);
      // Without a provider of machines there is no pool.
      const pool = labels.job === "orchestrator" ? Object.keys(VM_POOL_METRICS) : [];
      const listed = Object.keys({ ...EVERY_DAEMON_METRICS, ...METRICS_OF[labels.job] }).filter((name) => !pool.includes(name));
      assert.deepEqual(exported.toSorted(), listed.toSorted(), labels.job);
      assert.match(page, new RegExp(`^${METRIC_PREFIX}healthy\\{daemon="${labels.job}",workspace="[^"]+"\\} 1$`, "m"));
    }
  });

  it("every daemon on the op's way has lines with its jti, and every line names the workspace", async () => {
    for (const daemon of ["keeper-daemon", "ops-controller", "orchestrator", "audit-mirror"]) {
      const lines = await linesOf(daemon);
      const about = lines.filter((line) => line["jti"] === jti);
      assert.ok(about.length > 0, daemon);
      for (const line of lines) assert.equal(line["workspace"], about[0]?.["workspace"], JSON.stringify(line));
    }
    for (const file of await readdir(join(installed.folder, ".triplane", "logs"))) {
      if (!/^(?:keeper-daemon|ops-controller|orchestrator|audit-mirror|desired-sync|validator)\.log$/.test(file)) continue;
      for (const line of await linesOf(file.replace(/\.log$/, ""))) assert.equal(typeof line["workspace"], "string", file);
    }
  });

  it("one trace has the op's spans of every plane, joined below one root, and tells no claim", async () => {
    const wanted = Object.keys(SPANS).filter((name) => name !== "keeper.review");
    const spansOf = () => collector.spans().filter((span) => span.traceId === traceIdOf(jti));
    await eventually(() => wanted.every((name) => spansOf().some((span) => span.name === name)), { timeoutMs: 30_000, what: "all spans" });
    const spans = spansOf();
    const ids = new Set(spans.map(({ spanId }) => spanId));
    assert.equal(ids.size, wanted.length);
    for (const { name, parentSpanId } of spans)
      assert.ok(name === "op" ? parentSpanId === undefined : parentSpanId !== undefined && ids.has(parentSpanId), name);
    assert.deepEqual([...new Set(spans.map(({ service }) => service))].toSorted(), [
      "audit-mirror",
      "keeper",
      "ops-controller",
      "orchestrator",
      "triplane",
    ]);
    for (const body of collector.bodies) assert.doesNotMatch(body, /component\.deploy|"web"|did:key/);
  });

  it("Prometheus scrapes every daemon", async () => {
    interface Active {
      readonly activeTargets: readonly { readonly labels: { readonly job: string }; readonly health: string; readonly lastError: string }[];
    }
    const isUp = async () => {
      const { activeTargets } = await ask<Active>("targets?state=active");
      return activeTargets.length === targets.length && activeTargets.every(({ health }) => health === "up") && activeTargets;
    };
    const active = await eventually(isUp, { timeoutMs: 90_000, intervalMs: 250, what: "every target to be up" });
    assert.deepEqual(active.map(({ labels }) => labels.job).toSorted(), targets.map(({ labels }) => labels.job).toSorted());
  });

  it("Prometheus answers the query of every panel, and judges every rule", async () => {
    for (const panel of DASHBOARDS.flatMap(panelsOf)) {
      for (const { expr } of panel.queries) {
        const query = expr.replaceAll("$workspace", ".*").replaceAll("$__rate_interval", "1m");
        await ask(`query?query=${encodeURIComponent(query)}`);
      }
    }
    interface Result {
      readonly result: readonly { readonly value: readonly [number, string] }[];
    }
    const applied = await ask<Result>(`query?query=${encodeURIComponent('triplane_controller_ops_total{outcome="applied"}')}`);
    assert.ok(Number(applied.result[0]?.value[1]) >= 1);
    interface Groups {
      readonly groups: readonly { readonly rules: readonly { readonly name: string; readonly health: string }[] }[];
    }
    const isJudged = async () => {
      const rules = (await ask<Groups>("rules")).groups.flatMap((group) => group.rules);
      return rules.length > 20 && rules.every(({ health }) => health === "ok");
    };
    await eventually(isJudged, { timeoutMs: 60_000, intervalMs: 250, what: "every rule to be judged without an error" });
  });
});
