// Tests of running a foreign program.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { toolPlace } from "../testing/fake-tools.ts";
import { runProgram } from "./run.ts";

test("runProgram: says why a program failed with the line that mentions the error, and logs everything", async () => {
  await using place = await toolPlace();
  await place.addProgram("tool", "echo starting; echo 'error: no route' >&2; echo cleaning up; exit 3");
  const logFile = join(place.folder, "log");
  const options = { env: place.env, cwd: place.folder, logFile, deadlineMs: 10_000 };
  await assert.rejects(runProgram("tool", ["--flag", "$(id)"], options), { code: "tool_missing", message: "error: no route" });
  const log = await readFile(logFile, "utf8");
  assert.ok(log.startsWith("$ tool --flag $(id)\n"));
  for (const part of ["starting", "error: no route", "cleaning up"]) assert.ok(log.includes(part), part);
});

test("runProgram: a program that is not there leaves no timer behind", async () => {
  await using place = await toolPlace();
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  const options = { env: place.env, cwd: place.folder, logFile: join(place.folder, "log"), deadlineMs: 3_600_000 };
  await assert.rejects(runProgram("nothing", [], options), { message: "there is no nothing on PATH" });
  assert.equal(timers(), before);
});

test("runProgram: ends a program that takes too long", async () => {
  await using place = await toolPlace();
  await place.addProgram("tool", "exec /bin/sleep 60");
  const options = { env: place.env, cwd: place.folder, logFile: join(place.folder, "log"), deadlineMs: 50 };
  await assert.rejects(runProgram("tool", [], options), { message: "tool did not end within 0.05 s" });
});
