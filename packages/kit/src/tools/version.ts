// Versions of programs and ranges of them: only what the manifest needs, `>=a.b.c` and `<a.b.c` joined by spaces.
import { TriplaneError } from "@triplane/contract";

const VERSION = /(\d+)\.(\d+)(?:\.(\d+))?/;
const COMPARATOR = /^(>=|<)(\d+(?:\.\d+){0,2})$/;

/** The first `a.b` or `a.b.c` in what a program printed, or undefined. A missing third part is 0. */
export function parseVersion(output: string): string | undefined {
  const match = VERSION.exec(output);
  return match === null ? undefined : `${match[1]}.${match[2]}.${match[3] ?? "0"}`;
}

/** Negative, zero or positive, as `a` is older than, the same as, or newer than `b`. */
export function compareVersions(a: string, b: string): number {
  const left = numbers(a);
  const right = numbers(b);
  for (let index = 0; index < 3; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Throws `internal` for a range that is not written as above. */
export function inRange(version: string, range: string): boolean {
  return range.split(" ").every((part) => {
    const match = COMPARATOR.exec(part);
    if (match === null) throw new TriplaneError("internal", `${JSON.stringify(range)} is not a version range`);
    const order = compareVersions(version, match[2] ?? "");
    return match[1] === ">=" ? order >= 0 : order < 0;
  });
}

function numbers(version: string): number[] {
  return version.split(".").map(Number);
}
