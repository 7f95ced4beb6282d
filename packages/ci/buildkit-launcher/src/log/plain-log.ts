// The log for CI: lines, each final.
import { plainLine } from "../progress/plain.ts";
import type { BuildLog, Write } from "./build-log.ts";

export function plainLog(write: Write): BuildLog {
  return {
    note: (text) => write(`${text}\n`),
    events: (events) => {
      const lines = events.map(plainLine).filter((line) => line !== undefined);
      if (lines.length > 0) write(`${lines.join("\n")}\n`);
    },
    close: () => undefined,
  };
}
