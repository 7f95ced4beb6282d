// The highest of numbers that can be asked one thing only: is there one above this? Any answer will do, it need not be the next one.

/** How many times further each question reaches than the one before: a start from 0 takes few, and so do a few new numbers. */
const GROWTH = 16;

/** The highest number above `above`, or `above` itself. One question where there is none. */
export async function findHighest(above: number, anyAbove: (bound: number) => Promise<number | undefined>): Promise<number> {
  const first = await anyAbove(above);
  if (first === undefined) return above;
  // Somebody has `low`, and nobody more than `high` once there is no answer.
  let low = first;
  let high = first;
  for (let reach = 0, found: number | undefined = first; found !== undefined; reach = Math.max(1, reach * GROWTH)) {
    low = found;
    high = Math.min(low + reach, Number.MAX_SAFE_INTEGER);
    found = await anyAbove(high);
  }
  while (low < high) {
    const middle: number = low + Math.floor((high - low) / 2);
    const found = await anyAbove(middle);
    if (found === undefined) high = middle;
    else low = found;
  }
  return low;
}
