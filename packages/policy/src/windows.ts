// Windows of time: days and hours on the wall clock of a zone. Pure; the zone's rules are the ones that Node carries.
import { type TimeWindow, WEEKDAYS, type Weekday } from "./schema.ts";

const MINUTES_A_DAY = 24 * 60;
const SEARCH_DAYS = 8;

interface WallClock {
  readonly weekday: number;
  /** Minutes since midnight. */
  readonly minute: number;
}

/** Whether some window is open. `time-is-an-input`. */
export function isOpen(windows: readonly TimeWindow[], nowS: number): boolean {
  return windows.some((window) => isInside(window, wallClock(window.zone, nowS)));
}

/** The next time at which the windows are open (or shut), in seconds since 1970; undefined if that is not within eight days. */
export function nextTime(windows: readonly TimeWindow[], nowS: number, open: boolean): number | undefined {
  const candidates = windows
    .flatMap((window) => [...boundaries(window, nowS)])
    .filter((timeS) => timeS > nowS)
    .sort((a, b) => a - b);
  return candidates.find((timeS) => isOpen(windows, timeS) === open);
}

/** Whether the runtime knows the zone. */
export function isZone(zone: string): boolean {
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** Minutes since midnight of `HH:MM`. */
export function minutesOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
}

function isInside(window: TimeWindow, clock: WallClock): boolean {
  const from = minutesOf(window.from);
  const to = minutesOf(window.to);
  const isDay = (weekday: number): boolean => window.days.includes(WEEKDAYS[weekday] as Weekday);
  if (from < to) return isDay(clock.weekday) && clock.minute >= from && clock.minute < to;
  const yesterday = (clock.weekday + 6) % 7;
  return (isDay(clock.weekday) && clock.minute >= from) || (isDay(yesterday) && clock.minute < to);
}

/** The times at which a window may open or shut within the coming days. A shift of the zone's clock is corrected once. */
function* boundaries(window: TimeWindow, nowS: number): Iterable<number> {
  const now = wallClock(window.zone, nowS);
  const minuteStartS = nowS - (nowS % 60);
  for (let day = 0; day <= SEARCH_DAYS; day += 1) {
    for (const edge of [window.from, window.to]) {
      const wanted = minutesOf(edge);
      const guessS = minuteStartS + (wanted - now.minute + day * MINUTES_A_DAY) * 60;
      const shift = (wanted - wallClock(window.zone, guessS).minute + 1.5 * MINUTES_A_DAY) % MINUTES_A_DAY;
      yield guessS + (shift - MINUTES_A_DAY / 2) * 60;
    }
  }
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const cached = formats.get(zone);
  if (cached !== undefined) return cached;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  formats.set(zone, format);
  return format;
}

function wallClock(zone: string, timeS: number): WallClock {
  const parts = formatOf(zone).formatToParts(new Date(timeS * 1000));
  const part = (type: string): string => parts.find((candidate) => candidate.type === type)?.value ?? "";
  return { weekday: WEEKDAYS.indexOf(part("weekday") as Weekday), minute: Number(part("hour")) * 60 + Number(part("minute")) };
}
