import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { TimeWindow } from "./schema.ts";
import { isOpen, nextTime } from "./windows.ts";
import { isZone } from "./zones.ts";

const at = (text: string) => Date.parse(text) / 1000;
const WORK: TimeWindow = { days: ["Mon", "Tue", "Wed", "Thu", "Fri"], from: "09:00", to: "17:00", zone: "Europe/Madrid" };
const NIGHT: TimeWindow = { days: ["Fri"], from: "22:00", to: "06:00", zone: "UTC" };

test("isOpen: days and hours are those of the zone's wall clock, the end is outside", () => {
  assert.equal(isOpen([WORK], at("2026-01-05T07:59:59Z")), false);
  assert.equal(isOpen([WORK], at("2026-01-05T08:00:00Z")), true);
  assert.equal(isOpen([WORK], at("2026-01-05T15:59:59Z")), true);
  assert.equal(isOpen([WORK], at("2026-01-05T16:00:00Z")), false);
  assert.equal(isOpen([WORK], at("2026-01-10T10:00:00Z")), false);
});

test("isOpen: summer time moves the window in UTC", () => {
  assert.equal(isOpen([WORK], at("2026-07-06T07:00:00Z")), true);
  assert.equal(isOpen([WORK], at("2026-07-06T15:00:00Z")), false);
});

test("isOpen: a window over midnight belongs to the day on which it begins", () => {
  assert.equal(isOpen([NIGHT], at("2026-01-09T21:59:00Z")), false);
  assert.equal(isOpen([NIGHT], at("2026-01-09T22:00:00Z")), true);
  assert.equal(isOpen([NIGHT], at("2026-01-10T05:59:00Z")), true);
  assert.equal(isOpen([NIGHT], at("2026-01-10T06:00:00Z")), false);
  assert.equal(isOpen([NIGHT], at("2026-01-10T22:30:00Z")), false);
});

test("isOpen: 24:00 is the end of the day", () => {
  const evening: TimeWindow = { days: ["Sun"], from: "20:00", to: "24:00", zone: "UTC" };
  assert.equal(isOpen([evening], at("2026-01-11T23:59:59Z")), true);
  assert.equal(isOpen([evening], at("2026-01-12T00:00:00Z")), false);
});

test("nextTime: the next opening, the next closing, and none", () => {
  assert.equal(nextTime([WORK], at("2026-01-09T18:00:00Z"), true), at("2026-01-12T08:00:00Z"));
  assert.equal(nextTime([WORK], at("2026-01-05T10:00:00Z"), false), at("2026-01-05T16:00:00Z"));
  assert.equal(nextTime([NIGHT, WORK], at("2026-01-09T18:00:00Z"), true), at("2026-01-09T22:00:00Z"));
  const always: TimeWindow = { days: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], from: "00:00", to: "24:00", zone: "UTC" };
  assert.equal(nextTime([always], at("2026-01-05T10:00:00Z"), false), undefined);
});

test("nextTime: over the change to summer time the wall clock is right", () => {
  assert.equal(nextTime([WORK], at("2026-03-27T18:00:00Z"), true), at("2026-03-30T07:00:00Z"));
});

test("nextTime: what it names is open (or shut), and lies ahead", () => {
  const day = fc.subarray(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const, { minLength: 1 });
  const hour = fc.integer({ min: 0, max: 23 }).map((number) => `${String(number).padStart(2, "0")}:30`);
  const zone = fc.constantFrom("UTC", "Europe/Madrid", "America/New_York", "Asia/Kolkata", "Pacific/Auckland");
  const window = fc.record({ days: day, from: hour, to: hour, zone });
  fc.assert(
    fc.property(
      fc.array(window, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1.7e9, max: 1.9e9 }),
      fc.boolean(),
      (windows, nowS, open) => {
        const timeS = nextTime(windows, nowS, open);
        if (timeS === undefined) return;
        assert.ok(timeS > nowS && timeS <= nowS + 9 * 86_400);
        assert.equal(isOpen(windows, timeS), open);
      },
    ),
    { numRuns: 300 },
  );
});

test("isZone: knows zones by their IANA names", () => {
  assert.equal(isZone("Europe/Madrid"), true);
  assert.equal(isZone("Europe/Atlantis"), false);
});
