import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ROOT } from "../e2e/installation.ts";
import { run } from "../e2e/program.ts";
import { whyNoPlane } from "./plane/needs.ts";

const skip = (await whyNoPlane()) ?? false;
const MAIN = join(ROOT, "tools", "demo-build", "main.ts");

interface Event {
  readonly type?: string;
  readonly scene?: string;
  readonly claim?: string;
  readonly held?: boolean;
  readonly ok?: boolean;
}

// What the demo has to show, whatever its scenes are called.
const CLAIMS = [
  ...["first/base-on-s3", "first/built", "first/own-machine", "first/pulled-and-run"],
  ...["cached/new-machine", "cached/cache-hit", "cached/same-image"],
  ...["retry/kernel-said-so", "retry/one-tier-up", "retry/it-runs"],
  ...["never/two-runs", "never/says-what-to-do"],
  ...["empty/pool-empty", "empty/machine-empty", "empty/leases-ended"],
];
const IN_A_CLOUD = ["weather/faults-met", "weather/one-server-each", "weather/paid"];

describe("npm run demo:build", { skip }, () => {
  for (const [provider, claims] of [
    ["local", CLAIMS],
    ["hcloud", [...CLAIMS, ...IN_A_CLOUD]],
  ] as const) {
    it(`--provider ${provider}: observes every claim, leaves nothing behind and exits 0`, { timeout: 440_000 }, async () => {
      const { code, out, err } = await run(process.execPath, [MAIN, "--json", "--provider", provider], {
        cwd: ROOT,
        env: process.env,
        timeoutMs: 430_000,
      });
      assert.equal(code, 0, `${out}\n${err}`);
      const events = out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Event);
      const held = new Set(events.filter((event) => event.held === true).map(({ scene, claim }) => `${scene}/${claim}`));
      assert.deepEqual(
        claims.filter((claim) => !held.has(claim)),
        [],
      );
      assert.equal(events.at(-1)?.ok, true);
    });
  }

  it("a provider that is none, an option that is none: exit code 2 and the usage", async () => {
    for (const args of [["--provider", "elsewhere"], ["--what"]]) {
      const { code, err } = await run(process.execPath, [MAIN, ...args], { cwd: ROOT, env: process.env });
      assert.equal(code, 2);
      assert.match(err, /usage: npm run demo:build/);
    }
  });
});
