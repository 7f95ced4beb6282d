// The log for machines: one event as JSON on each line.
import type { BuildLog, Write } from "./build-log.ts";

export function jsonLog(write: Write): BuildLog {
  const line = (value: object): void => write(`${JSON.stringify(value)}\n`);
  return {
    note: (text) => line({ event: "note", text }),
    events: (events) => {
      for (const event of events) line(event);
    },
    close: () => undefined,
  };
}
