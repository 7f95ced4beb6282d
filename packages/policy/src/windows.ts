// When a rule holds: hours of the week and dates, on the wall clock of a zone. Pure.
//
// 1. A weekly window is open while the clock shows a time in it: what the clock skips does not happen, what it shows twice counts twice.
// 2. Dates are one stretch of time, from the first moment at which the clock shows `from` to the last at which it shows `until`.
import { type DateRange, type TimeWindow, WEEKDAYS, type Weekday } from "./schema.ts";
import { instantOf, localMinute, shiftsBetween } from "./zones.ts";

const MINUTES_A_DAY = 24 * 60;
const SEARCH_DAYS = 8;
/** Day of the week, counted from Monday, of 1 January 1970. */
const THURSDAY = 3;

/** When a rule holds; where both are given, only while both do. */
export interface Times {
  readonly windows?: readonly TimeWindow[] | undefined;
  readonly dates?: readonly DateRange[] | undefined;
}

/** Whether some window is open. `time-is-an-input`. */
export function isOpen(windows: readonly TimeWindow[], nowS: number): boolean {
  return windows.some((window) => isInside(window, localMinute(window.zone, nowS)));
}

/** Whether now is within some of the dates. */
export function isDated(dates: readonly DateRange[], nowS: number): boolean {
  return dates.some((range) => {
    const { fromS, untilS } = stretchOf(range);
    return fromS <= nowS && nowS < untilS;
  });
}

/** Whether a rule with these times holds now. */
export function isTime({ windows, dates }: Times, nowS: number): boolean {
  return (windows === undefined || isOpen(windows, nowS)) && (dates === undefined || isDated(dates, nowS));
}

/** The next time at which the windows are open (or shut), in seconds since 1970; undefined if that is not within eight days. */
export function nextTime(windows: readonly TimeWindow[], nowS: number, open: boolean): number | undefined {
  return nextChange([{ windows }], nowS, (timeS) => isOpen(windows, timeS) === open);
}

/** The next time at which something holds that can change only where one of these times begins or ends. */
export function nextChange(times: readonly Times[], nowS: number, holds: (timeS: number) => boolean): number | undefined {
  // A date may end long after the days that are searched for windows, and a window may still be open then.
  const dates = times.flatMap((each) => each.dates ?? []).flatMap((range) => Object.values(stretchOf(range)));
  const windows = times.flatMap((each) => each.windows ?? []);
  const starts = [nowS, ...dates.filter((timeS) => timeS > nowS)];
  const edges = starts.flatMap((startS) => [startS, ...windows.flatMap((window) => edgesOf(window, startS))]);
  return edges
    .filter((timeS) => timeS > nowS)
    .sort((a, b) => a - b)
    .find(holds);
}

/** Minutes since midnight of `HH:MM`. */
export function minutesOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
}

/** `2026-12-24` or `2026-12-24T17:00` in minutes since 1970; undefined for a day that no month has. */
export function localOf(date: string): number | undefined {
  const [day = "", time] = date.split("T");
  const timeMs = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(timeMs) || new Date(timeMs).toISOString().slice(0, 10) !== day) return undefined;
  return timeMs / 60_000 + (time === undefined ? 0 : minutesOf(time));
}

/** From when to when on the zone's clock, the end excluded. An `until` without a time is that whole day. */
export function localRange({ from, until }: Pick<DateRange, "from" | "until">): { readonly from: number; readonly end: number } {
  return { from: localOf(from) ?? 0, end: (localOf(until) ?? 0) + (until.includes("T") ? 0 : MINUTES_A_DAY) };
}

/** The same in seconds since 1970. */
function stretchOf(range: DateRange): { readonly fromS: number; readonly untilS: number } {
  const { from, end } = localRange(range);
  return { fromS: instantOf(range.zone, from, "first"), untilS: instantOf(range.zone, end, "last") };
}

function isInside(window: TimeWindow, local: number): boolean {
  const minute = local % MINUTES_A_DAY;
  const day = Math.floor(local / MINUTES_A_DAY);
  const from = minutesOf(window.from);
  const to = minutesOf(window.to);
  const isDay = (number: number): boolean => window.days.includes(WEEKDAYS[(number + THURSDAY) % 7] as Weekday);
  if (from < to) return isDay(day) && minute >= from && minute < to;
  return (isDay(day) && minute >= from) || (isDay(day - 1) && minute < to);
}

/** The times at which a window may open or shut within the coming days: its edges, and where the zone's clock is put forward or back. */
function edgesOf({ zone, from, to }: TimeWindow, startS: number): readonly number[] {
  const today = Math.floor(localMinute(zone, startS) / MINUTES_A_DAY);
  const edges = shiftsBetween(zone, startS, startS + SEARCH_DAYS * 86_400).slice();
  for (let day = today; day <= today + SEARCH_DAYS; day += 1)
    for (const edge of [from, to])
      for (const pick of ["first", "last"] as const) edges.push(instantOf(zone, day * MINUTES_A_DAY + minutesOf(edge), pick));
  return edges;
}
