// What a call fails with; for tests of refusals.
import assert from "node:assert/strict";
import { type FailureCode, TriplaneError } from "../failures/index.ts";

/** The failure code that `run` throws, or undefined where it returns. Fails on anything thrown that is no TriplaneError. */
export function codeOf(run: () => unknown): FailureCode | undefined {
  try {
    run();
    return undefined;
  } catch (thrown) {
    assert.ok(thrown instanceof TriplaneError, `not a TriplaneError: ${String(thrown)}`);
    return thrown.code;
  }
}
