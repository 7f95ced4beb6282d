import assert from "node:assert/strict";
import { mkdir, readFile, symlink } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { describe, it } from "node:test";
import { tempDir, toolOrSkip } from "@triplane/testkit";
import { followSteps } from "../e2e/follow.ts";
import { GUIDE_TIMEOUT_MS, STEPS_TIMEOUT_MS } from "../e2e/guides.ts";
import { ROOT } from "../e2e/installation.ts";
import { stepsOf } from "../e2e/markdown-session.ts";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("peer: docs/how-to/run-builds-on-hetzner.md", () => {
  it("every block runs against the simulator, in order, and prints what the guide says", {
    timeout: GUIDE_TIMEOUT_MS,
  }, async (context) => {
    const hcloud = await toolOrSkip(context, "hcloud", "the guide");
    if (hcloud === undefined) return;
    await using temporary = await tempDir("hetzner");
    const [bin, folder] = [join(temporary.path, "bin"), join(temporary.path, "work")];
    await mkdir(bin);
    await mkdir(folder);
    for (const [program, file] of [
      ["hcloud-sim", "packages/hcloud-sim/bin/hcloud-sim.mjs"],
      ["triplane", "packages/cli/bin/triplane.mjs"],
    ] as const)
      await symlink(join(ROOT, file), join(bin, program));
    const port = String(await freePort());
    const text = (await readFile(join(ROOT, "docs/how-to/run-builds-on-hetzner.md"), "utf8")).replaceAll("18181", port);
    const steps = stepsOf(text);
    assert.ok(steps.length >= 6, "the guide has lost its blocks");
    const path = [bin, dirname(hcloud), dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter);
    await followSteps(steps, { cwd: folder, env: { ...process.env, HOME: folder, PATH: path }, timeoutMs: STEPS_TIMEOUT_MS });
  });
});
