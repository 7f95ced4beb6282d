// Tests of the back-off.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "@triplane/contract";
import fc from "fast-check";
import { backoffMs } from "./backoff.ts";

const constantly = (byte: number): Random => ({ bytes: (count) => new Uint8Array(count).fill(byte) });

test("backoffMs: doubles with each failure, between half and the whole, up to the ceiling", () => {
  const limits = { baseMs: 100, maxMs: 1_000 };
  assert.deepEqual(
    [1, 2, 3, 4, 5, 50].map((attempt) => backoffMs(attempt, limits, constantly(0))),
    [50, 100, 200, 400, 500, 500],
  );
  assert.deepEqual(
    [1, 2, 3, 4, 5, 50].map((attempt) => backoffMs(attempt, limits, constantly(255))),
    [100, 200, 400, 800, 1_000, 1_000],
  );
});

test("backoffMs: never exceeds the ceiling and is never negative", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -5, max: 10_000 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: 0, max: 255 }),
      (attempt, maxMs, byte) => {
        const waitMs = backoffMs(attempt, { baseMs: 50, maxMs }, constantly(byte));
        assert.ok(waitMs >= 0 && waitMs <= maxMs);
      },
    ),
  );
});
