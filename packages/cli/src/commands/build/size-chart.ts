// The memory that past builds needed, as lines of text: one for each step of memory, with what decides marked. Pure.
import { type Sizing, TIER_SIZES, TIERS } from "@triplane/contract";

const ROWS = 10;
const BAR = 40;

/** Steps of memory that read well, MiB. */
const STEPS = [64, 128, 256, 512, 1024, 2048, 4096, 8192] as const;

/** `█` a run that was measured, `▒` one that was out of memory: it wanted more than its machine had. "" without samples. */
export function sizeChart({ samples, p95_mib, tier }: Pick<Sizing, "samples" | "p95_mib" | "tier">): string {
  if (samples.length === 0) return "";
  const values = samples.map((sample) => ({
    ...sample,
    mib: sample.lower_bound ? Math.max(sample.peak_memory_mib, TIER_SIZES[sample.tier].memoryMib) : sample.peak_memory_mib,
  }));
  const top = Math.max(...values.map(({ mib }) => mib), 1);
  const step = STEPS.find((each) => top / each <= ROWS) ?? Math.ceil(top / ROWS / 1024) * 1024;
  const first = rowOf(Math.min(...values.map(({ mib }) => mib)), step, Number.POSITIVE_INFINITY);
  const last = Math.max(first, Math.ceil(top / step) - 1);
  const inRow = (row: number) => values.filter(({ mib }) => rowOf(mib, step, last) === row);
  const most = Math.max(...Array.from({ length: last - first + 1 }, (_, at) => inRow(first + at).length));
  const unit = Math.max(1, most / BAR);
  const lines: string[] = [];
  for (let row = first; row <= last; row += 1) {
    const here = inRow(row);
    const bounds = here.filter(({ lower_bound }) => lower_bound).length;
    const bar = "█".repeat(Math.ceil((here.length - bounds) / unit)) + "▒".repeat(Math.ceil(bounds / unit));
    const isP95 = p95_mib !== undefined && rowOf(Math.min(p95_mib, top), step, last) === row;
    const marks = [...(here.length === 0 ? [] : [String(here.length)]), ...(isP95 ? ["← p95"] : [])];
    lines.push(
      `${gib(row * step).padStart(5)} – ${gib((row + 1) * step).padStart(5)} GiB  ${[bar, ...marks].filter((part) => part !== "").join(" ")}`.trimEnd(),
    );
  }
  const sizes = TIERS.map((each) => `${each === tier ? `[${each}]` : each} ${gib(TIER_SIZES[each].memoryMib)}`).join("   ");
  const key = samples.some(({ lower_bound }) => lower_bound) ? ["█ measured   ▒ out of memory: it wanted more"] : [];
  return [...lines, "", ...key, `tiers: ${sizes} GiB`].join("\n");
}

/** A value on a border belongs to the row below it: 4096 MiB are still 4 GiB. */
function rowOf(mib: number, step: number, last: number): number {
  return Math.min(last, Math.max(0, Math.ceil(mib / step) - 1));
}

function gib(mib: number): string {
  const value = mib / 1024;
  return Number.isInteger(value * 10) ? value.toFixed(1) : value.toFixed(2);
}
