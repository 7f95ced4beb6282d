import assert from "node:assert/strict";
import { mkdir, readFile, symlink } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { describe, it } from "node:test";
import { tempDir, toolOrSkip } from "@triplane/testkit";
import { firstBrokenPromise } from "../e2e/alike.ts";
import { ROOT } from "../e2e/installation.ts";
import { runSteps, type Step, stepsOf } from "../e2e/markdown-session.ts";

const TIMEOUT_MS = 120_000;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("peer: docs/how-to/run-builds-on-hetzner.md", () => {
  it("every block runs against the simulator, in order, and prints what the guide says", {
    timeout: TIMEOUT_MS + 30_000,
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
    const trap: Step = { block: { language: "sh", text: "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT", line: 0 }, promised: undefined };
    const path = [bin, dirname(hcloud), dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter);
    const session = await runSteps([trap, ...steps], {
      cwd: folder,
      env: { ...process.env, HOME: folder, PATH: path },
      timeoutMs: TIMEOUT_MS,
    });
    const outputs = session.outputs.slice(1);
    const reached = steps[Math.min(outputs.length, steps.length) - 1];
    assert.equal(session.exitCode, 0, `the block in line ${reached?.block.line} failed:\n${outputs.at(-1)}`);
    for (const [index, step] of steps.entries()) {
      if (step.promised === undefined) continue;
      const broken = firstBrokenPromise(step.promised.text, outputs[index] ?? "");
      assert.equal(
        broken,
        undefined,
        `line ${step.promised.line} promises ${JSON.stringify(broken)}, but this was printed:\n${outputs[index]}`,
      );
    }
  });
});
