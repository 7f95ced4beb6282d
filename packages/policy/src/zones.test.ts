import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decide } from "./decide.ts";
import { type DateRange, type TimeWindow, WEEKDAYS } from "./schema.ts";
import { loaded, makeInput, makeOp, short } from "./test-support.ts";
import { isDated, isOpen, localRange, nextTime } from "./windows.ts";
import { instantOf, localMinute, shiftsBetween } from "./zones.ts";

const at = (text: string) => Date.parse(text) / 1000;
const local = (text: string) => at(`${text}:00Z`) / 60;
const iso = (timeS: number | undefined) => (timeS === undefined ? undefined : new Date(timeS * 1000).toISOString().slice(0, 16));

/** Both shifts of 2026 of zones that differ in everything: half an hour, the southern hemisphere, at midnight, not on a whole hour of UTC, none at all. */
const SHIFTS = {
  "Europe/Madrid": ["2026-03-29T01:00", "2026-10-25T01:00"],
  "America/New_York": ["2026-03-08T07:00", "2026-11-01T06:00"],
  "America/St_Johns": ["2026-03-08T05:30", "2026-11-01T04:30"],
  "Australia/Lord_Howe": ["2026-04-04T15:00", "2026-10-03T15:30"],
  "Africa/Cairo": ["2026-04-23T22:00", "2026-10-29T21:00"],
  "Asia/Kolkata": [],
  UTC: [],
} as const;
type Zone = keyof typeof SHIFTS;
const ZONES = Object.keys(SHIFTS) as Zone[];

/** The clock once more, by another way through Intl, with the day of the week as it says it. */
function clockOf(zone: string): (timeS: number) => { readonly weekday: string; readonly text: string } {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
  const weekday = new Intl.DateTimeFormat("en-US", { timeZone: zone, weekday: "short" });
  return (timeS) => ({ weekday: weekday.format(timeS * 1000), text: format.format(timeS * 1000).replace(" ", "T") });
}

const shiftOf = (zone: Zone) => SHIFTS[zone].map((text) => at(`${text}Z`));

test("shiftsBetween: finds both shifts of the year of every zone, to the minute", () => {
  for (const zone of ZONES) {
    const found = shiftsBetween(zone, at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    assert.deepEqual(found.map(iso), [...SHIFTS[zone]], zone);
  }
});

test("instantOf: a time that the clock shows twice has a first and a last instant, one that it skips is that of the shift", () => {
  const first = (zone: string, text: string) => iso(instantOf(zone, local(text), "first"));
  const last = (zone: string, text: string) => iso(instantOf(zone, local(text), "last"));
  assert.deepEqual(
    [first("Europe/Madrid", "2026-10-25T02:30"), last("Europe/Madrid", "2026-10-25T02:30")],
    ["2026-10-25T00:30", "2026-10-25T01:30"],
  );
  assert.deepEqual(
    [first("Europe/Madrid", "2026-03-29T02:30"), last("Europe/Madrid", "2026-03-29T02:30")],
    ["2026-03-29T01:00", "2026-03-29T01:00"],
  );
  assert.deepEqual(
    [first("America/New_York", "2026-11-01T01:00"), last("America/New_York", "2026-11-01T01:00")],
    ["2026-11-01T05:00", "2026-11-01T06:00"],
  );
  assert.equal(first("Australia/Lord_Howe", "2026-10-04T02:15"), "2026-10-03T15:30");
  assert.equal(first("Pacific/Apia", "2011-12-30T12:00"), "2011-12-30T10:00", "a whole day that a zone skipped");
});

test("localMinute: agrees with the zone's clock at every minute around every shift", () => {
  for (const zone of ZONES) {
    const clock = clockOf(zone);
    for (const shiftS of shiftOf(zone))
      for (let timeS = shiftS - 7200; timeS <= shiftS + 7200; timeS += 60)
        assert.equal(localMinute(zone, timeS), local(clock(timeS).text), zone);
  }
});

const zoneField = fc.constantFrom(...ZONES);
const clockTime = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom(0, 15, 30, 45))
  .map(([hour, minute]) => `${pad(hour)}:${pad(minute)}`);
const pad = (number: number) => String(number).padStart(2, "0");
const nearShift = (zone: Zone, minutes: number, year: number): number =>
  (shiftOf(zone)[year % 2] ?? at("2026-05-31T22:00:00Z")) + minutes * 60;

test("isOpen: a window is open exactly while the clock shows a time in it, over midnight too, around both shifts of every zone", () => {
  const window = fc.record({
    days: fc.uniqueArray(fc.constantFrom(...WEEKDAYS), { minLength: 1 }),
    from: clockTime,
    to: clockTime,
    zone: zoneField,
  });
  fc.assert(
    fc.property(window, fc.integer({ min: -2880, max: 2880 }), fc.nat(1), (each: TimeWindow, minutes, year) => {
      const timeS = nearShift(each.zone as Zone, minutes, year);
      const { weekday, text } = clockOf(each.zone)(timeS);
      const time = text.slice(11);
      const before = WEEKDAYS[(WEEKDAYS.indexOf(weekday as never) + 6) % 7];
      const on = (day: string | undefined) => each.days.some((wanted) => wanted === day);
      const expected =
        each.from < each.to
          ? on(weekday) && time >= each.from && time < each.to
          : (on(weekday) && time >= each.from) || (on(before) && time < each.to);
      assert.equal(isOpen([each], timeS), expected);
    }),
    { numRuns: 400 },
  );
});

test("nextTime: is the first minute at which the window is open (or shut), found by looking at every one", () => {
  const window = fc.record({ days: fc.constant([...WEEKDAYS]), from: clockTime, to: clockTime, zone: zoneField });
  fc.assert(
    fc.property(window, fc.integer({ min: -600, max: 300 }), fc.nat(1), fc.boolean(), (each: TimeWindow, minutes, year, open) => {
      const nowS = nearShift(each.zone as Zone, minutes, year);
      const limitS = nowS + 30 * 3600;
      let expected: number | undefined;
      for (let timeS = nowS + 60; timeS < limitS && expected === undefined; timeS += 60)
        if (isOpen([each], timeS) === open) expected = timeS;
      const found = nextTime([each], nowS, open);
      // Where nothing changes, the next minute is as good as the next edge.
      if (isOpen([each], nowS) !== open) assert.equal(iso(found), iso(expected));
    }),
    { numRuns: 60 },
  );
});

test("isDated: dates are one stretch, from the first showing of their beginning to the last of their end, found by looking at every minute", () => {
  fc.assert(
    fc.property(
      zoneField,
      fc.nat(1),
      fc.integer({ min: -200, max: 200 }),
      fc.integer({ min: 1, max: 300 }),
      (zone, year, begins, lasts) => {
        const clock = clockOf(zone);
        const shiftS = nearShift(zone, 0, year);
        const written = (minute: number) => new Date((local(clock(shiftS).text) + minute) * 60_000).toISOString().slice(0, 16);
        const range: DateRange = { from: written(begins), until: written(begins + lasts), zone };
        const minutes = Array.from({ length: 1441 }, (_, index) => shiftS + (index - 720) * 60);
        const shown = minutes.map((timeS) => clock(timeS).text);
        const begun = shown.findIndex((text) => text >= range.from);
        const ending = shown.findLastIndex((text) => text <= range.until);
        const over = shown[ending] === range.until ? ending : ending + 1;
        for (const [index, timeS] of minutes.entries())
          assert.equal(isDated([range], timeS), index >= begun && index < over, `${JSON.stringify(range)} ${iso(timeS)}`);
      },
    ),
    { numRuns: 40 },
  );
});

test("localRange: an end without a time is that whole day", () => {
  assert.equal(localRange({ from: "2026-12-24", until: "2026-12-24" }).end, local("2026-12-25T00:00"));
  assert.equal(localRange({ from: "2026-12-24", until: "2026-12-24T12:00" }).end, local("2026-12-24T12:00"));
});

const freeze = (rules: string) => loaded({ deny: `[${rules}]` }).policy;
const rule = (id: string, times: string) => `{ id = "${id}", kinds = ["component.*"], targets = ["*"], ${times}, why = "we are away" },`;
const dates = (from: string, until: string, zone = "Europe/Madrid") =>
  `dates = [{ from = "${from}", until = "${until}", zone = "${zone}" }]`;

function deploy(policy: ReturnType<typeof freeze>, time: string) {
  const op = makeOp("dave", { iat: at(time) });
  return decide(makeInput(op, policy));
}

test("decide: a freeze denies while it lasts, and the refusal says when it ends", () => {
  const policy = freeze(rule("christmas", dates("2026-12-23T17:00", "2027-01-06")));
  assert.equal(short(deploy(policy, "2026-12-23T15:59:59Z")), "admit auto web-deploys");
  const refused = deploy(policy, "2026-12-23T16:00:00Z");
  assert.ok(refused.verdict === "refuse");
  assert.deepEqual([refused.rule, refused.fact, refused.nearest], ["christmas", "we are away", { nbf: at("2027-01-06T23:00:00Z") }]);
  assert.equal(short(deploy(policy, "2027-01-06T22:59:59Z")), "refuse policy_denied christmas");
  assert.equal(short(deploy(policy, "2027-01-06T23:00:00Z")), "admit auto web-deploys");
});

test("decide: the end that a refusal names is that of every rule that denies the op, one after another", () => {
  const nights = `windows = [{ days = ['Thu], from = "00:00", to = "08:00", zone = "Europe/Madrid" }]`;
  const policy = freeze(
    rule("christmas", dates("2026-12-23", "2027-01-06")) + rule("audit", dates("2027-01-06", "2027-01-06")) + rule("nights", nights),
  );
  const refused = deploy(policy, "2026-12-24T10:00:00Z");
  assert.deepEqual(refused.verdict === "refuse" && refused.nearest, { nbf: at("2027-01-07T07:00:00Z") });
  const never = freeze(
    `${rule("christmas", dates("2026-12-23", "2027-01-06"))} { id = "never", kinds = ["*"], targets = ["*"], why = "never" }`,
  );
  const always = deploy(never, "2026-12-24T10:00:00Z");
  assert.equal(always.verdict === "refuse" && always.nearest, undefined);
});

test("decide: a rule with dates and windows holds only while both do", () => {
  const hours = `windows = [{ days = ['Mon, 'Tue, 'Wed, 'Thu, 'Fri], from = "22:00", to = "06:00", zone = "Europe/Madrid" }]`;
  const policy = freeze(rule("quiet-nights", `${dates("2026-12-21", "2026-12-25")}, ${hours}`));
  assert.equal(short(deploy(policy, "2026-12-22T12:00:00Z")), "admit auto web-deploys");
  assert.equal(short(deploy(policy, "2026-12-22T22:00:00Z")), "refuse policy_denied quiet-nights");
  assert.equal(short(deploy(policy, "2026-12-29T22:00:00Z")), "admit auto web-deploys");
});

test("policy check: dates are days that there are, in zones that there are, and end after they begin", () => {
  const problem = (times: string) => () => freeze(rule("r", times));
  assert.throws(problem(dates("2026-02-29", "2026-03-01")), /there is no day 2026-02-29/);
  assert.throws(problem(dates("2026-03-02", "2026-03-01")), /2026-03-01 is not after 2026-03-02/);
  assert.throws(problem(dates("2026-03-01", "2026-03-02", "Europe/Atlantis")), /there is no time zone Europe\/Atlantis/);
  assert.throws(problem(dates("2026-03-01T24:00", "2026-03-02")), /must be a date like/);
  assert.throws(problem("dates = []"), /dates/);
});
