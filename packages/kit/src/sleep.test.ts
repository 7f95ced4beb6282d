// Tests of waiting.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep } from "./sleep.ts";

const HOUR_MS = 3_600_000;

test("sleep: an abort ends it at once, without a rejection", async () => {
  const stopping = new AbortController();
  const waiting = sleep(HOUR_MS, stopping.signal);
  stopping.abort();
  await waiting;
});

test("sleep: ends with the first of several signals", async () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const waiting = sleep(HOUR_MS, one.signal, undefined, other.signal);
  other.abort();
  await waiting;
  await sleep(HOUR_MS, one.signal, other.signal);
});

test("sleep: does not start when it is aborted already", async () => {
  await sleep(HOUR_MS, AbortSignal.abort());
});

test("sleep: leaves no listener behind", async () => {
  const stopping = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = stopping.signal;
  stopping.signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    listeners += 1;
    addEventListener.apply(stopping.signal, given);
  };
  stopping.signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
    listeners -= 1;
    removeEventListener.apply(stopping.signal, given);
  };
  await sleep(1, stopping.signal);
  assert.equal(listeners, 0);
});
