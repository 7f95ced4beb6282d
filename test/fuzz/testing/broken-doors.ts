// Doors with a defect each, to show that the harness finds every kind.
import { type Door, textOf } from "../door.ts";

const seeds = [new TextEncoder().encode("fine")];
const isFine = (input: Uint8Array): boolean => textOf(input) === "fine";

function broken(defect: () => unknown): Door {
  return { seeds, enter: (input) => (isFine(input) ? undefined : defect()) };
}

export const crashes = (): Door => broken(() => process.abort());

export const hangs = (): Door =>
  broken(() => {
    for (;;) if (seeds.length === 0) return;
  });

export const fills = (): Door =>
  broken(() => {
    const kept: string[] = [];
    for (let count = 0; ; count += 1) kept.push(`${count}`.padEnd(1000, String(count)));
  });

export const throwsAnything = (): Door =>
  broken(() => {
    throw new TypeError("undefined is not a function");
  });
