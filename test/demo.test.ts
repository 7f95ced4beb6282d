import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { eventually } from "@triplane/testkit";
import { installation } from "./e2e/installation.ts";
import { run } from "./e2e/program.ts";

interface Event {
  readonly type: string;
  readonly scene?: string;
  readonly claim?: string;
  readonly held?: boolean;
}

// What the demo has to show, whatever its scenes are called.
const CLAIMS = [
  "deploy/auto-signed",
  "deploy/answers",
  "agent/refused",
  "agent/reasoned",
  "twice/once",
  "removal/own-approval",
  "removal/approved",
  "removal/applied",
  "forgery/alarmed",
  "forgery/not-applied",
  "autonomy/planes-down",
  "autonomy/still-applied",
  "by-hand/waits",
  "by-hand/by-hand",
  "crash/in-the-middle",
  "crash/exactly-once",
  "ledger/verified",
  "ledger/tamper-found",
];

describe("triplane demo", () => {
  it("observes every claim, leaves nothing behind and exits 0", { timeout: 240_000 }, async () => {
    await using installed = await installation("demo");
    const temporary = join(installed.folder, "tmp");
    await mkdir(temporary);
    const { code, out, err } = await run(installed.program("triplane"), ["demo", "--json"], {
      cwd: installed.folder,
      env: { ...installed.env, TMPDIR: temporary },
      timeoutMs: 200_000,
    });
    assert.equal(code, 0, `${out}\n${err}`);
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Event);
    const held = new Set(
      lines.filter((line) => line.type === "observation" && line.held === true).map((line) => `${line.scene}/${line.claim}`),
    );
    for (const claim of CLAIMS) assert.ok(held.has(claim), `${claim} was not observed`);
    const result = lines.at(-1) as unknown as { readonly ok: boolean; readonly cleanedUp: boolean };
    assert.equal(result.ok, true);
    assert.equal(result.cleanedUp, true);
    assert.deepEqual(await readdir(temporary), []);
  });

  it("cleans up when it is interrupted, and exits 1", { timeout: 120_000 }, async () => {
    await using installed = await installation("demo-interrupted");
    const temporary = join(installed.folder, "tmp");
    await mkdir(temporary);
    const child = spawn(installed.program("triplane"), ["demo", "--json"], {
      cwd: installed.folder,
      env: { ...installed.env, TMPDIR: temporary },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    child.stdout.on("data", (bytes: Buffer) => {
      out += bytes.toString("utf8");
    });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    await eventually(() => out.includes('"place":"workload"'), { timeoutMs: 60_000, what: "the workload plane" });
    child.kill("SIGINT");
    assert.equal(await ended, 1);
    const result = JSON.parse(out.trim().split("\n").at(-1) ?? "") as { readonly ok: boolean; readonly cleanedUp: boolean };
    assert.equal(result.ok, false);
    assert.equal(result.cleanedUp, true, out);
    assert.deepEqual(await readdir(temporary), []);
  });
});
