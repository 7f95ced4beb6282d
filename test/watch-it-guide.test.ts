// The guide that runs Prometheus on a local workspace.
import { delimiter, dirname } from "node:path";
import { test } from "node:test";
import { findTool, freePort } from "@triplane/kit";
import { GUIDE_TIMEOUT_MS, runGuides } from "./e2e/guides.ts";
import { ROOT } from "./e2e/installation.ts";

test("docs/how-to: Prometheus scrapes the daemons of a local workspace and judges the rules", {
  timeout: GUIDE_TIMEOUT_MS,
}, async () => {
  const programs = [await findTool("prometheus"), await findTool("promtool")].map(({ path }) => dirname(path));
  const before = process.env["PATH"];
  process.env["PATH"] = [...programs, before].join(delimiter);
  process.env["TRIPLANE_CHECKOUT"] = ROOT;
  process.env["PROMETHEUS_PORT"] = String(await freePort());
  await runGuides(["watch-it"]);
});
