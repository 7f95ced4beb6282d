// Tests of the installers' lock.
import assert from "node:assert/strict";
import { stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { toolPlace } from "../testing/fake-tools.ts";
import { withLock } from "./lock.ts";

const TIMES = { touchMs: 10, staleMs: 5_000, pollMs: 5, deadlineMs: 50 };

test("withLock: gives the lock back, also after a failure", async () => {
  await using place = await toolPlace();
  const path = join(place.folder, "locks/.lock");
  assert.equal(await withLock(path, TIMES, async () => 1), 1);
  await assert.rejects(withLock(path, TIMES, () => Promise.reject(new Error("x"))));
  await assert.rejects(stat(path), { code: "ENOENT" });
});

test("withLock: waits for a living holder, and not for ever", async () => {
  await using place = await toolPlace();
  const path = join(place.folder, ".lock");
  await withLock(path, TIMES, async () => {
    await assert.rejects(
      withLock(path, TIMES, async () => 1),
      { code: "unavailable" },
    );
  });
});

test("withLock: takes over from a holder that died", async () => {
  await using place = await toolPlace();
  const path = join(place.folder, ".lock");
  await writeFile(path, "");
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(path, longAgo, longAgo);
  assert.equal(await withLock(path, TIMES, async () => 1), 1);
});
