// Wall clocks of time zones and the instants behind them. Pure; the zones' rules are the ones that Node carries.
//
// Local times are counted in minutes since 1970 on the zone's own clock, as if it were UTC. A clock that is put forward skips some of them,
// one that is put back shows some of them twice.

const MINUTE_S = 60;
/** A clock's shift is looked for this far around a local time: more than any offset from UTC and any jump over the date line. */
const AROUND_S = 36 * 3600;
const MOST_CACHED = 1000;

/** Whether the runtime knows the zone. */
export function isZone(zone: string): boolean {
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** What the zone's clock shows, in minutes since 1970 on that clock. */
export function localMinute(zone: string, timeS: number): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(new Date(timeS * 1000))) parts[type] = Number(value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute) / 60_000;
}

/**
 * The instant at which the zone's clock shows a local time, in seconds since 1970: the `first` or the `last` one where it shows it twice, and
 * that of the shift where it skips it.
 */
export function instantOf(zone: string, local: number, pick: "first" | "last"): number {
  const name = `${zone} ${local} ${pick}`;
  const known = instants.get(name);
  if (known !== undefined) return known;
  if (instants.size >= MOST_CACHED) instants.clear();
  const found = findInstant(zone, local, pick);
  instants.set(name, found);
  return found;
}

const instants = new Map<string, number>();

function findInstant(zone: string, local: number, pick: "first" | "last"): number {
  const asUtcS = local * MINUTE_S;
  const candidates = [-AROUND_S, AROUND_S].map((around) => asUtcS - offsetS(zone, asUtcS + around)).sort((a, b) => a - b);
  const shown = candidates.filter((timeS) => localMinute(zone, timeS) === local);
  const found = pick === "first" ? shown[0] : shown.at(-1);
  if (found !== undefined) return found;
  const [low = asUtcS, high = asUtcS] = candidates;
  return firstMinute(low, high, (timeS) => localMinute(zone, timeS) >= local);
}

/** Instants at which the zone's clock is put forward or back, `fromS` excluded. */
export function shiftsBetween(zone: string, fromS: number, toS: number): readonly number[] {
  const shifts: number[] = [];
  const step = 6 * 3600;
  for (let low = fromS - (fromS % MINUTE_S); low < toS; low += step) {
    const offset = offsetS(zone, low);
    if (offsetS(zone, low + step) !== offset) shifts.push(firstMinute(low, low + step, (timeS) => offsetS(zone, timeS) !== offset));
  }
  return shifts.filter((timeS) => timeS > fromS);
}

/** How far the zone's clock is ahead of UTC. */
function offsetS(zone: string, timeS: number): number {
  return localMinute(zone, timeS) * MINUTE_S - Math.floor(timeS / MINUTE_S) * MINUTE_S;
}

/** The first whole minute after `low` and up to `high` for which something holds that holds from then on. */
function firstMinute(low: number, high: number, holds: (timeS: number) => boolean): number {
  let [no, yes] = [Math.floor(low / MINUTE_S), Math.ceil(high / MINUTE_S)];
  while (yes - no > 1) {
    const middle = Math.floor((no + yes) / 2);
    if (holds(middle * MINUTE_S)) yes = middle;
    else no = middle;
  }
  return yes * MINUTE_S;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const cached = formats.get(zone);
  if (cached !== undefined) return cached;
  const numeric = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" } as const;
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, ...numeric, hourCycle: "h23" });
  formats.set(zone, format);
  return format;
}
