import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { eventually } from "../../testing.ts";
import { findMarked, isRunning, MARKER_VARIABLE, startOf, terminate } from "./process-table.ts";

async function started(
  script: string,
  marker: string,
): Promise<{ readonly child: ChildProcess; readonly pid: number; readonly start: string }> {
  const child = spawn(process.execPath, ["-e", `${script}; console.log('up')`], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
    env: { [MARKER_VARIABLE]: marker },
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const pid = child.pid ?? 0;
  return { child, pid, start: (await startOf(pid)) ?? "" };
}

const idle = "setInterval(() => {}, 1000)";
const rules = { signal: "SIGTERM", graceMs: 300 } as const;

test("terminate: a pid that now belongs to another process is left alone", async () => {
  const marker = randomUUID();
  const { child, pid, start } = await started(idle, marker);
  await terminate({ pid, start: `${start}0` }, randomUUID(), rules);
  assert.ok(await isRunning({ pid, start }));
  assert.equal(child.exitCode, null);
  await terminate({ pid, start }, marker, rules);
  assert.ok(!(await isRunning({ pid, start })));
});

test("terminate: who ignores the signal is killed, with everything it started, also outside its group", async () => {
  const marker = randomUUID();
  const deaf = "process.on('SIGTERM', () => {})";
  const grandchild = `require('node:child_process').spawn(process.execPath, ['-e', \`${deaf}; ${idle}\`], { detached: true, stdio: 'ignore' })`;
  const { pid, start } = await started(`${deaf}; ${grandchild}; ${idle}`, marker);
  await eventually("two processes", async () => (await findMarked(marker)).length === 2 || undefined);
  await terminate({ pid, start }, marker, rules);
  assert.deepEqual(await findMarked(marker), []);
});

test("terminate: finds a process by its marker alone, as after a crash between start and record", async () => {
  const marker = randomUUID();
  const { pid, start } = await started(idle, marker);
  assert.deepEqual(await findMarked(marker), [pid]);
  await terminate(undefined, marker, rules);
  assert.ok(!(await isRunning({ pid, start })));
});

test("startOf: nothing for a pid that nobody has", async () => {
  assert.equal(await startOf(2 ** 22 + 1), undefined);
});
