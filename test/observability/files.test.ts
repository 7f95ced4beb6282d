// The generated configuration: Prometheus' by promtool, the rest by its structure, Loki by itself where it is there.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { findTool, searchTool, toolNamed } from "@triplane/kit";
import { parse } from "yaml";
import { ALERTS } from "../../tools/observability/alerts.ts";
import { BESIDE, LABELS, VRL } from "../../tools/observability/logs.ts";
import { ROOT } from "../e2e/installation.ts";
import { run } from "../e2e/program.ts";

const FOLDER = join(ROOT, "deploy/observability");
const loki = (await searchTool(toolNamed("loki"))).found?.path;

async function promtool(...args: readonly string[]): Promise<string> {
  const { path } = await findTool("promtool");
  const ran = await run(path, args, { cwd: join(FOLDER, "prometheus"), env: process.env });
  assert.equal(ran.code, 0, ran.out + ran.err);
  return ran.out;
}

test("deploy/observability: promtool takes configuration and rules, and each alert fires and stays silent where it has to", async () => {
  await promtool("check", "config", "prometheus.yml");
  assert.match(await promtool("check", "rules", "rules.yml"), new RegExp(`${ALERTS.length} rules found`));
  await promtool("test", "rules", "rules-test.yml");
});

test("deploy/observability: every alert has a section that its runbook leads to", async () => {
  const page = await readFile(join(ROOT, "docs/reference/alerts.md"), "utf8");
  assert.equal(new Set(ALERTS.map(({ name }) => name)).size, ALERTS.length);
  for (const { name } of ALERTS) assert.ok(page.includes(`\n## ${name}\n`), name);
});

test("deploy/observability: panels of a dashboard have ids of their own, do not overlap, and use data sources that are provisioned", async () => {
  const sources = parse(await readFile(join(FOLDER, "grafana/provisioning/datasources/triplane.yml"), "utf8")) as {
    datasources: { uid: string }[];
  };
  const uids = sources.datasources.map(({ uid }) => uid);
  for (const file of await readdir(join(FOLDER, "grafana/dashboards"))) {
    interface Panel {
      readonly id: number;
      readonly type: string;
      readonly datasource?: { readonly uid: string };
      readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    }
    const { panels } = JSON.parse(await readFile(join(FOLDER, "grafana/dashboards", file), "utf8")) as { panels: readonly Panel[] };
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, file);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`),
    );
    assert.equal(new Set(cells).size, cells.length, file);
    for (const { type, datasource } of panels) assert.ok(type === "row" || uids.includes(datasource?.uid ?? ""), file);
  }
});

test("deploy/observability: Vector's labels and what it keeps beside a line are fields that its program sets", async () => {
  const vector = parse(await readFile(join(FOLDER, "vector/vector.yml"), "utf8")) as {
    readonly transforms: Readonly<Record<string, { readonly inputs: readonly string[]; readonly source: string }>>;
    readonly sources: Readonly<Record<string, unknown>>;
    readonly sinks: {
      readonly loki: { readonly inputs: readonly string[]; readonly labels: object; readonly structured_metadata: object };
    };
  };
  assert.equal(vector.transforms["fields"]?.source, VRL);
  for (const input of vector.transforms["fields"]?.inputs ?? [""]) assert.ok(Object.hasOwn(vector.sources, input));
  for (const input of vector.sinks.loki.inputs) assert.ok(Object.hasOwn(vector.transforms, input));
  assert.deepEqual(Object.keys(vector.sinks.loki.labels), Object.keys(LABELS));
  for (const [label, field] of Object.entries(LABELS)) assert.ok(label === "source" || VRL.includes(`"${field}":`), field);
  for (const field of BESIDE) assert.ok(VRL.includes(`.${field} = `), field);
});

test("deploy/observability: Loki takes its configuration", {
  skip: loki === undefined ? "no loki on PATH: no registry of packages has it" : false,
}, async () => {
  const ran = await run(loki ?? "", ["-config.file", join(FOLDER, "loki/loki.yml"), "-verify-config"], { cwd: FOLDER, env: process.env });
  assert.equal(ran.code, 0, ran.err);
});
