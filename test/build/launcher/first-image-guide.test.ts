// docs/how-to/build-your-first-image.md as it is written, but for ports and addresses that are free here.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { readFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { findTool, freePort } from "@triplane/kit";
import { goldenForTests, whyNoRunners } from "@triplane/provider-local/testing";
import { whyMissing } from "@triplane/registry/testing";
import { followSteps } from "../../e2e/follow.ts";
import { GUIDE_TIMEOUT_MS, STEPS_TIMEOUT_MS } from "../../e2e/guides.ts";
import { installation, ROOT } from "../../e2e/installation.ts";
import { stepsOf } from "../../e2e/markdown-session.ts";

const skip = (await whyNoRunners()) ?? (await whyMissing("zot")) ?? false;

test("docs/how-to: a registry, a pool, a first image, its cache, and more memory than there is", {
  skip,
  timeout: GUIDE_TIMEOUT_MS,
}, async () => {
  const written = await readFile(join(ROOT, "docs/how-to/build-your-first-image.md"), "utf8");
  let guide = written.replaceAll("10.201.0.0/24", `10.${randomInt(64, 250)}.${randomInt(0, 255)}.0/24`);
  for (const port of ["5000", "5001", "7700"]) guide = guide.replaceAll(port, String(await freePort()));
  const steps = stepsOf(guide);
  assert.ok(steps.length >= 7, "the guide has lost its blocks");
  await using installed = await installation("guides");
  const path = [dirname((await findTool("zot")).path), installed.env["PATH"] ?? ""].join(delimiter);
  const env = { ...installed.env, PATH: path, GOLDEN: (await goldenForTests()).folder };
  await followSteps(steps, { cwd: installed.folder, env, timeoutMs: STEPS_TIMEOUT_MS });
});
