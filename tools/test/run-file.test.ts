import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { failureLines, fileLine, missingBox, skippedLines, summaryLine, totalsOf } from "./report.ts";
import { runFile } from "./run-file.ts";

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "triplane-runner-"));
});
after(() => rm(root, { recursive: true, force: true }));

const HEAD = 'import { describe, before, test } from "node:test";\n';

async function run(body: string, parts: { deadlineMs?: number; namePattern?: string } = {}) {
  await writeFile(join(root, "a.test.mjs"), HEAD + body);
  return await runFile("a.test.mjs", { root, deadlineMs: parts.deadlineMs ?? 30_000, namePattern: parts.namePattern });
}

test("runFile: counts tests that passed, failed and were skipped, but not the suites around them", async () => {
  const result = await run(`
    describe("suite", () => { test("one", () => {}); test("two", { skip: "needs a tool" }, () => {}); });
    test("three", () => { throw new Error("three is wrong"); });
    console.log("what the file prints");`);
  assert.deepEqual(totalsOf([result]), { passed: 1, failed: 1, skipped: 1 });
  assert.equal(result.problem, undefined);
  assert.match(fileLine(result), /^✘ a\.test\.mjs: 3 tests \(1 failed, 1 skipped\), \d/);
  const lines = failureLines(result).join("\n");
  for (const part of ["three", "a.test.mjs:4", "three is wrong", "what the file prints"]) assert.ok(lines.includes(part), part);
  assert.deepEqual(skippedLines([result]), ["  1 skipped in a.test.mjs: needs a tool"]);
});

test("runFile: a hook that fails is a failure of its own", async () => {
  const result = await run('describe("suite", () => { before(() => { throw new Error("hook"); }); test("one", () => {}); });');
  assert.ok(failureLines(result).join("\n").includes("hook"));
});

test("runFile: a file that crashes fails, with what it printed", async () => {
  const result = await run('throw new Error("at the top");');
  assert.equal(result.problem, "ended with exit code 1");
  assert.deepEqual(totalsOf([result]), { passed: 0, failed: 1, skipped: 0 });
  assert.ok(failureLines(result).join("\n").includes("at the top"));
});

test("runFile: a file that somebody kills fails, with the signal", async () => {
  const result = await run('process.kill(process.pid, "SIGKILL");');
  assert.equal(result.problem, "was ended by SIGKILL, which no deadline of this run sent");
});

test("runFile: a file without a test fails", async () => {
  assert.equal((await run("")).problem, "ran no test");
});

test("runFile: a file that hangs fails by name at its deadline, and what it started ends with it", async () => {
  const result = await run(
    `import { spawn } from "node:child_process";
    console.log("child", spawn("sleep", ["600"]).pid);
    test("hangs", () => new Promise(() => setInterval(() => {}, 1000)));`,
    { deadlineMs: 2_000 },
  );
  assert.equal(result.problem, "did not end within 2 s");
  const pid = Number(/child (\d+)/.exec(result.output)?.[1]);
  assert.ok(pid > 0);
  const deadline = Date.now() + 5_000;
  while (await isRunning(pid)) {
    assert.ok(Date.now() < deadline, `${pid} still runs`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

/** A zombie, which waits for its parent to look at it, does not run. */
async function isRunning(pid: number): Promise<boolean> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "stat=", "-p", String(pid)]).catch(() => ({ stdout: "" }));
  return stdout.trim() !== "" && !stdout.trim().startsWith("Z");
}

test("runFile: a name pattern picks tests, and a file without a match is no failure", async () => {
  const body = 'test("alpha", () => {}); test("beta", () => { throw new Error("x"); });';
  assert.deepEqual(totalsOf([await run(body, { namePattern: "alpha" })]), { passed: 1, failed: 0, skipped: 0 });
  assert.deepEqual(totalsOf([await run(body, { namePattern: "gamma" })]), { passed: 0, failed: 0, skipped: 0 });
});

test("summaryLine: has the form that others read", () => {
  assert.equal(summaryLine({ passed: 123, failed: 0, skipped: 4 }), "123 passed, 0 failed, 4 skipped");
});

test("missingBox: names the tool, what is not tested, and how to get it", () => {
  const box = missingBox([
    {
      name: "nickel",
      found: false,
      inRange: false,
      range: ">=1.10.0",
      required: false,
      why: "",
      neededFor: ["the bridge"],
      howToGet: "npm run tools nickel",
      rejected: [],
    },
  ]);
  for (const part of ["nickel >=1.10.0 is missing", "not tested: the bridge", "npm run tools nickel"])
    assert.ok(box.join("\n").includes(part), part);
  assert.equal(new Set(box.map((line) => line.length)).size, 1);
  assert.deepEqual(missingBox([]), []);
});
