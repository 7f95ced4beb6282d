import assert from "node:assert/strict";
import { test } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { silentLogger } from "@triplane/kit";
import { eventually, seededRandom } from "@triplane/testkit";
import { Announcer } from "./announcer.ts";

function counted() {
  const results: string[] = [];
  return { results, announcements: { add: (labels: Readonly<Record<string, string>>) => void results.push(labels["result"] ?? "") } };
}

const rest = () => ({ random: seededRandom(), logger: silentLogger, signal: new AbortController().signal });

test("Announcer: many requests while one is on its way are one more announcement", async () => {
  const { results, announcements } = counted();
  const gates: (() => void)[] = [];
  const announce = () => new Promise<void>((resolve) => void gates.push(resolve));
  const announcer = new Announcer({ announce, announcements, ...rest() });
  for (let count = 0; count < 5; count += 1) announcer.request();
  assert.equal(gates.length, 1);
  gates[0]?.();
  await eventually(() => gates.length === 2);
  gates[1]?.();
  await eventually(() => results.length === 2);
  assert.deepEqual([gates.length, announcer.problem], [2, undefined]);
  announcer.request();
  await eventually(() => gates.length === 3);
});

test("Announcer: request returns at once and never throws; what failed is tried again until it succeeds", async () => {
  const { results, announcements } = counted();
  let calls = 0;
  const announce = async () => {
    calls += 1;
    if (calls === 1) throw new TriplaneError("unavailable", "no node");
  };
  const announcer = new Announcer({ announce, announcements, ...rest() });
  announcer.request();
  await eventually(() => announcer.problem?.code === "unavailable");
  await eventually(() => announcer.problem === undefined);
  assert.deepEqual(results, ["failed", "announced"]);
});

test("Announcer: ends with its signal", async () => {
  const stopping = new AbortController();
  let calls = 0;
  const announce = async () => {
    calls += 1;
    throw new TriplaneError("unavailable", "no node");
  };
  const announcer = new Announcer({ announce, ...counted(), ...rest(), signal: stopping.signal });
  announcer.request();
  await eventually(() => calls === 1);
  stopping.abort();
  announcer.request();
  await eventually(() => announcer.problem !== undefined);
  assert.equal(calls, 1);
});
