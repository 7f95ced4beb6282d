import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { capacity, modelTable, simulate, stationsOf } from "./model.ts";

test("simulate: a station without waiting takes its own time; one that is overrun falls behind", () => {
  const alone = simulate([{ name: "x", fixedMs: 3, perOpMs: 1, maxBatch: 1 }], 1, 100);
  assert.ok(Math.abs(alone.p50Ms - 4) < 0.5);
  assert.equal(simulate([{ name: "x", fixedMs: 20, perOpMs: 0, maxBatch: 1 }], 100, 2000).done < 0.9, true);
  // With batches the fixed time is shared.
  assert.equal(simulate([{ name: "x", fixedMs: 20, perOpMs: 0, maxBatch: 64 }], 100, 2000).done, 1);
});

test("capacity: distance costs time, and less throughput than time", () => {
  const rate = (roundTripMs: number) => capacity(stationsOf({ name: "", roundTripMs, syncMs: 0.5, database: "embedded" }), 2000);
  const [near, far] = [rate(0), rate(1.5)];
  assert.ok(far < near && far > near / 2);
});

test("docs/explanation/scale.md: has the table that the model prints", async () => {
  const text = await readFile(join(import.meta.dirname, "../../docs/explanation/scale.md"), "utf8");
  assert.ok(text.includes(modelTable()), "run node bench/scale/model.ts and put its table into docs/explanation/scale.md");
});
